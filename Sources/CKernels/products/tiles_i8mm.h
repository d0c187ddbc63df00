// The tiles of panels_q80.h for `smmla`, which multiplies two rows of eight bytes by two tokens of eight bytes. A
// panel holds pairs of rows and `paired` holds pairs of tokens, so an accumulator is two tokens by two rows.
#ifndef LLAMA_CHAT_TILES_I8MM_H
#define LLAMA_CHAT_TILES_I8MM_H

enum {
  panel_pairs = LCK_PANEL_ROWS / 2,
  tile_row_pairs = LCK_TILE_ROWS_Q80 / 2,
  tile_token_pairs = LCK_TILE_TOKENS_Q80 / 2,
};

// One slab of the tokens of a tile, each scale twice. A group is eight bytes or more.
typedef struct {
  int64_t values[slab_bytes / 8][tile_token_pairs][2] __attribute__((aligned(64)));
  float scales[slab_bytes / 8][tile_token_pairs][4] __attribute__((aligned(64)));
} paired;

// Two steps of eight bytes of a and of b, as pairs.
LCK_INLINE void pair(int64_t *first, int64_t *second, const int8_t *a, const int8_t *b) {
  int64x2_t x = vreinterpretq_s64_s8(vld1q_s8(a)), y = vreinterpretq_s64_s8(vld1q_s8(b));
  vst1q_s64(first, vtrn1q_s64(x, y));
  vst1q_s64(second, vtrn2q_s64(x, y));
}

// Sixteen dwords of each of sixteen rows, `n` apart.
LCK_INLINE void pack_rows(panel *p, size_t step, size_t first, const int8_t *w, size_t n) {
  int64_t(*to)[panel_pairs][2] = (int64_t(*)[panel_pairs][2])p->w[step];
  for (size_t r = 0; r < lanes; r += 2) {
    const size_t i = (first + r) / 2;
    LCK_UNROLL for (size_t s = 0; s < lanes / 2; s += 2) {
      pair(to[s][i], to[s + 1][i], w + r * n + s * 8, w + (r + 1) * n + s * 8);
    }
  }
}

// `count` tokens; the place of the missing one of an odd number repeats the last.
LCK_INLINE void pair_tokens(paired *to, const slab *x, size_t token, size_t groups, const size_t group, size_t count,
                            const size_t pairs) {
  const int8_t *values[LCK_TILE_TOKENS_Q80];
  LCK_UNROLL for (size_t i = 0; i < 2 * pairs; i++) {
    const size_t t = token + smaller(i, count - 1);
    const float *scales = x->scales + t * x->groups;
    values[i] = x->values + t * x->stride;
    for (size_t g = 0; g < groups; g++) {
      to->scales[g][i / 2][i % 2 * 2] = to->scales[g][i / 2][i % 2 * 2 + 1] = scales[g];
    }
  }
  const size_t steps = groups * group / 8;
  for (size_t s = 0; s + 2 <= steps; s += 2) {
    LCK_UNROLL for (size_t i = 0; i < pairs; i++) {
      pair(to->values[s][i], to->values[s + 1][i], values[2 * i] + s * 8, values[2 * i + 1] + s * 8);
    }
  }
  if (steps % 2 != 0) {
    LCK_UNROLL for (size_t i = 0; i < 2 * pairs; i++) {
      memcpy(&to->values[steps - 1][i / 2][i % 2], values[i] + (steps - 1) * 8, 8);
    }
  }
}

// Exchanges two tokens' four rows for two row pairs of both tokens, and the other way round.
LCK_INLINE void exchange(float32x4_t *a, float32x4_t *b) {
  float64x2_t x = vreinterpretq_f64_f32(*a), y = vreinterpretq_f64_f32(*b);
  *a = vreinterpretq_f32_f64(vtrn1q_f64(x, y));
  *b = vreinterpretq_f32_f64(vtrn2q_f64(x, y));
}

// Eight rows of one packed slab from `row` on for `pairs` pairs of tokens, a constant at the call.
LCK_INLINE void tile_q80(float (*sums)[LCK_PANEL_ROWS], const panel *p, size_t row, size_t scales_at, const paired *x,
                         size_t groups, const size_t steps, bool first, const size_t pairs) {
  float32x4_t sum[tile_token_pairs][tile_row_pairs];
  LCK_UNROLL for (size_t t = 0; t < pairs; t++) {
    LCK_UNROLL for (size_t r = 0; r < tile_row_pairs; r += 2) {
      sum[t][r] = first ? vdupq_n_f32(0) : vld1q_f32(&sums[2 * t][row + 2 * r]);
      sum[t][r + 1] = first ? vdupq_n_f32(0) : vld1q_f32(&sums[2 * t + 1][row + 2 * r]);
      exchange(&sum[t][r], &sum[t][r + 1]);
    }
  }
  for (size_t g = 0; g < groups; g++) {
    int32x4_t acc[tile_token_pairs][tile_row_pairs];
    LCK_UNROLL for (size_t t = 0; t < pairs; t++) {
      LCK_UNROLL for (size_t r = 0; r < tile_row_pairs; r++) acc[t][r] = vdupq_n_s32(0);
    }
    for (size_t s = g * steps; s < (g + 1) * steps; s++) {
      const int8_t *w = (const int8_t *)p->w[2 * s] + row * 8;  // a pair is sixteen bytes
      int8x16_t xi[tile_token_pairs];
      LCK_UNROLL for (size_t t = 0; t < pairs; t++) xi[t] = vld1q_s8((const int8_t *)x->values[s][t]);
      LCK_UNROLL for (size_t r = 0; r < tile_row_pairs; r++) {
        int8x16_t wi = vld1q_s8(w + r * 16);
        LCK_UNROLL for (size_t t = 0; t < pairs; t++) acc[t][r] = vmmlaq_s32(acc[t][r], xi[t], wi);
      }
    }
    LCK_UNROLL for (size_t r = 0; r < tile_row_pairs; r++) {
      double scales;  // two
      memcpy(&scales, &p->scales[scales_at + g][row + 2 * r], sizeof scales);
      float32x4_t ws = vreinterpretq_f32_f64(vdupq_n_f64(scales));
      LCK_UNROLL for (size_t t = 0; t < pairs; t++) {
        sum[t][r] += (vcvtq_f32_s32(acc[t][r]) * ws) * vld1q_f32(x->scales[g][t]);
      }
    }
  }
  LCK_UNROLL for (size_t t = 0; t < pairs; t++) {
    LCK_UNROLL for (size_t r = 0; r < tile_row_pairs; r += 2) {
      exchange(&sum[t][r], &sum[t][r + 1]);
      vst1q_f32(&sums[2 * t][row + 2 * r], sum[t][r]);
      vst1q_f32(&sums[2 * t + 1][row + 2 * r], sum[t][r + 1]);
    }
  }
}

// All rows of one packed slab, of which `rows` exist, for `count` tokens, in `pairs` pairs.
LCK_INLINE void tiles_of_rows(panel_sums sums, const panel *p, size_t scales_at, const slab *x, size_t token,
                              size_t rows, size_t groups, const size_t steps, bool first, size_t count,
                              const size_t pairs) {
  // The sums of a missing token have a place, as a block is of an even number.
  _Static_assert(block_tokens % 2 == 0, "pairs of tokens");
  paired xs;
  pair_tokens(&xs, x, token, groups, steps * sizeof(int32_t), count, pairs);
  for (size_t r = 0; r < rows; r += LCK_TILE_ROWS_Q80) {
    tile_q80(sums + token, p, r, scales_at, &xs, groups, steps / 2, first, pairs);
  }
}

// All tokens of a block for one packed slab.
LCK_INLINE void tiles_q80(panel_sums sums, const panel *p, size_t scales_at, const slab *x, size_t rows, size_t groups,
                          const size_t steps, bool first, size_t tokens) {
  for (size_t t = 0; t < tokens; t += LCK_TILE_TOKENS_Q80) {
    const size_t count = smaller(tokens - t, LCK_TILE_TOKENS_Q80);
#define LCK_TILES(pairs) tiles_of_rows(sums, p, scales_at, x, t, rows, groups, steps, first, count, pairs)
    if (count > 4) LCK_TILES(3);
    else if (count > 2) LCK_TILES(2);
    else LCK_TILES(1);
#undef LCK_TILES
  }
}

#endif
