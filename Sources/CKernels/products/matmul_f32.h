// The float matrix product of one instruction set. A single token takes each row in turn, as one stream of
// memory; several take tiles of LCK_TILE_ROWS x LCK_TILE_TOKENS dot products. Each of them is in the canonical
// order, so the tile's size, chosen to fit the registers, changes the speed and never a bit.
#ifndef LLAMA_CHAT_MATMUL_F32_H
#define LLAMA_CHAT_MATMUL_F32_H

#include "../vector/vector.h"

enum { token_block_floats = 65536 };  // as many input vectors as stay in the second-level cache

// Adds the products of sixteen columns, of which the first `count` exist. `rows` and `tokens` are constants.
LCK_INLINE void tile_step(f32x16 *acc, const float *w, const float *x, size_t n, const size_t rows,
                          const size_t tokens, const size_t count) {
  f32x16 wi[LCK_TILE_ROWS];
  LCK_UNROLL for (size_t r = 0; r < rows; r++) {
    wi[r] = count == lanes ? load(w + r * n) : load_part(w + r * n, count, 0);
  }
  LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
    f32x16 xi = count == lanes ? load(x + t * n) : load_part(x + t * n, count, 0);
    LCK_UNROLL for (size_t r = 0; r < rows; r++) acc[t * rows + r] = fused(wi[r], xi, acc[t * rows + r]);
  }
}

// The dot products of `rows` x `tokens`, both constants at the call.
LCK_INLINE void tile_f32(float *out, size_t out_stride, const float *w, const float *x, size_t n,
                         const size_t rows, const size_t tokens) {
  f32x16 acc[LCK_TILE_ROWS * LCK_TILE_TOKENS] = {{0}};
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) tile_step(acc, w + i, x + i, n, rows, tokens, lanes);
  if (i < n) tile_step(acc, w + i, x + i, n, rows, tokens, n - i);
  if (rows * tokens == lanes) {
    float sums[lanes];
    store(sums, sum_each(acc));
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) memcpy(out + t * out_stride, sums + t * rows, rows * sizeof *sums);
    return;
  }
  LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
    LCK_UNROLL for (size_t r = 0; r < rows; r++) out[t * out_stride + r] = sum(acc[t * rows + r]);
  }
}

static LCK_TARGET void tokens_f32(float *out, size_t out_stride, const float *w, const float *x, size_t rows,
                                  size_t n, size_t tokens) {
  size_t r = 0;
  for (; r + LCK_TILE_ROWS <= rows; r += LCK_TILE_ROWS) {
    size_t t = 0;
    for (; t + LCK_TILE_TOKENS <= tokens; t += LCK_TILE_TOKENS) {
      tile_f32(out + t * out_stride + r, out_stride, w + r * n, x + t * n, n, LCK_TILE_ROWS, LCK_TILE_TOKENS);
    }
    for (; t < tokens; t++) {
      tile_f32(out + t * out_stride + r, out_stride, w + r * n, x + t * n, n, LCK_TILE_ROWS, 1);
    }
  }
  for (; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) out[t * out_stride + r] = dot(w + r * n, x + t * n, n);
  }
}

static LCK_TARGET void matmul_f32(float *out, size_t out_stride, const float *w, const float *x, size_t rows,
                                  size_t n, size_t tokens) {
  if (tokens == 1) {
    for (size_t r = 0; r < rows; r++) out[r] = dot(w + r * n, x, n);
    return;
  }
  size_t block = token_block_floats / (n + 1) / LCK_TILE_TOKENS * LCK_TILE_TOKENS;
  if (block == 0) block = LCK_TILE_TOKENS;
  for (size_t t = 0; t < tokens; t += block) {
    size_t count = tokens - t < block ? tokens - t : block;
    tokens_f32(out + t * out_stride, out_stride, w, x + t * n, rows, n, count);
  }
}

#endif
