// The tiles of panels_q80.h for `sdot` with a lane of the input: four dwords of a token are loaded at once.
#ifndef LLAMA_CHAT_TILES_DOTPROD_H
#define LLAMA_CHAT_TILES_DOTPROD_H

#define LCK_PACKS
#define LCK_DOTS

// Sixteen dwords of each of sixteen rows, `n` apart, as lanes `first`... of the panel's `step`..., in blocks of four
// by four that fit the registers.
LCK_INLINE void pack_rows(panel *p, size_t step, size_t first, const int8_t *w, size_t n) {
  for (size_t r = 0; r < lanes; r += 4) {
    LCK_UNROLL for (size_t s = 0; s < lanes; s += 4) {
      int32x4_t row[4];
      LCK_UNROLL for (size_t i = 0; i < 4; i++) row[i] = vreinterpretq_s32_s8(vld1q_s8(w + (r + i) * n + s * 4));
      int64x2_t a = vreinterpretq_s64_s32(vtrn1q_s32(row[0], row[1]));
      int64x2_t b = vreinterpretq_s64_s32(vtrn2q_s32(row[0], row[1]));
      int64x2_t c = vreinterpretq_s64_s32(vtrn1q_s32(row[2], row[3]));
      int64x2_t d = vreinterpretq_s64_s32(vtrn2q_s32(row[2], row[3]));
      vst1q_s32(&p->w[step + s][first + r], vreinterpretq_s32_s64(vtrn1q_s64(a, c)));
      vst1q_s32(&p->w[step + s + 1][first + r], vreinterpretq_s32_s64(vtrn1q_s64(b, d)));
      vst1q_s32(&p->w[step + s + 2][first + r], vreinterpretq_s32_s64(vtrn2q_s64(a, c)));
      vst1q_s32(&p->w[step + s + 3][first + r], vreinterpretq_s32_s64(vtrn2q_s64(b, d)));
    }
  }
}

// dot_step for the dword of x in `lane`, a constant once unrolled.
LCK_INLINE i32xp dot_lane(i32xp acc, i32xp w, int8x16_t x, size_t lane) {
  switch (lane) {
    case 0: return (i32xp)vdotq_laneq_s32((int32x4_t)acc, (int8x16_t)w, x, 0);
    case 1: return (i32xp)vdotq_laneq_s32((int32x4_t)acc, (int8x16_t)w, x, 1);
    case 2: return (i32xp)vdotq_laneq_s32((int32x4_t)acc, (int8x16_t)w, x, 2);
    default: return (i32xp)vdotq_laneq_s32((int32x4_t)acc, (int8x16_t)w, x, 3);
  }
}

// Adds the products of `count` dwords, four or one, of a tile's rows, in w, and of its tokens, `stride` apart.
LCK_INLINE void dot_dwords(i32xp (*acc)[tile_vectors], const i32xp *w, const int8_t *x, size_t stride,
                           const size_t count, const size_t tokens) {
  int8x16_t xi[LCK_TILE_TOKENS_Q80];
  LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
    if (count == 4) {
      xi[t] = vld1q_s8(x + t * stride);
    } else {
      int32_t dword;
      memcpy(&dword, x + t * stride, sizeof dword);
      xi[t] = vreinterpretq_s8_s32(vdupq_n_s32(dword));
    }
  }
  LCK_UNROLL for (size_t i = 0; i < count; i++) {
    LCK_UNROLL for (size_t v = 0; v < tile_vectors; v++) {
      LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
        acc[t][v] = dot_lane(acc[t][v], w[i * panel_vectors + v], xi[t], i);
      }
    }
  }
}

LCK_INLINE void dot_steps(i32xp (*acc)[tile_vectors], const i32xp *w, const int8_t *x, size_t stride,
                          const size_t steps, const size_t tokens) {
  size_t s = 0;
  for (; s + 4 <= steps; s += 4) dot_dwords(acc, w + s * panel_vectors, x + s * 4, stride, 4, tokens);
  for (; s < steps; s++) dot_dwords(acc, w + s * panel_vectors, x + s * 4, stride, 1, tokens);
}

#include "tiles_q80.h"

#endif
