// The kernels of 128-bit registers with dot products. Their files have dot_step for peak.h, and the header of their
// tiles of several tokens.
#ifndef LLAMA_CHAT_NEON_H
#define LLAMA_CHAT_NEON_H

#define LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  float32x4_t quarters[4];
  LCK_UNROLL for (size_t i = 0; i < 4; i++) {
    quarters[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + 4 * i)));
  }
  f32x16 all;
  memcpy(&all, quarters, sizeof all);
  return all;
}

// Of a tile's vectors, each four registers, four are sums.
#define LCK_SCORE_BLOCKS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define LCK_VALUE_VECTORS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#include "attention/attention.h"

#define LCK_TILE_ROWS 2
#define LCK_TILE_TOKENS 3
#include "products/matmul_f32.h"

enum { prefetch_bytes = 2048 };

#define LCK_W_FLIP 0
#define LCK_PANEL_WIDTH 4
#define LCK_PANEL_ROWS 32
#define LCK_TILE_ROWS_Q80 8
#define LCK_TILE_TOKENS_Q80 6  // so that all sums stay in registers, those of a group and those of the row

// The products of one group as 4 sums.
LCK_INLINE int32x4_t products(const int8_t *w, const int8_t *x, const size_t group) {
  int32x4_t acc = vdupq_n_s32(0);
  __builtin_prefetch(w + prefetch_bytes);
  LCK_UNROLL for (size_t i = 0; i < group; i += 16) acc = vdotq_s32(acc, vld1q_s8(w + i), vld1q_s8(x + i));
  return acc;
}

LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  (void)offsets;
  int32_t sums[lanes];
  LCK_UNROLL for (size_t i = 0; i < lanes; i += 4) {
    int32x4_t v[4];
    LCK_UNROLL for (size_t j = 0; j < 4; j++) {
      v[j] = i + j < count ? products(w + (i + j) * group, x + (i + j) * group, group) : vdupq_n_s32(0);
    }
    vst1q_s32(sums + i, vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3])));
  }
  return load_i32(sums);
}

#include "products/matmul_q80.h"

#define LCK_PEAK_CHAINS 16
#include "products/peak.h"

#endif
