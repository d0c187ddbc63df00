// The float matrix product of one instruction set: tiles of LCK_TILE_ROWS x LCK_TILE_TOKENS dot products,
// each in the canonical order, so the tile's size changes the speed and never a bit.
#ifndef LLAMA_CHAT_MATMUL_F32_H
#define LLAMA_CHAT_MATMUL_F32_H

#include "vector.h"

enum {
  decode_rows = 8,             // rows read side by side for a single token
  prefetch_floats = 512,       // how far ahead of each of them
  token_block_floats = 65536,  // as many input vectors as stay in the second-level cache
};

// The dot products of `rows` x `tokens`, both constants at the call.
LCK_INLINE void tile_f32(float *out, size_t out_stride, const float *w, const float *x, size_t n,
                         const size_t rows, const size_t tokens) {
  f32x16 acc[32] = {{0}};
  for (size_t i = 0; i < n; i += lanes) {
    size_t left = n - i;
    f32x16 wi[8];
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      wi[r] = left >= lanes ? load(w + r * n + i) : load_part(w + r * n + i, left, 0);
      if (tokens == 1) __builtin_prefetch(w + r * n + i + prefetch_floats);
    }
    LCK_UNROLL for (size_t t = 0; t < tokens; t++) {
      f32x16 xi = left >= lanes ? load(x + t * n + i) : load_part(x + t * n + i, left, 0);
      LCK_UNROLL for (size_t r = 0; r < rows; r++) {
        acc[t * rows + r] = fused(wi[r], xi, acc[t * rows + r]);
      }
    }
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
    size_t r = 0;
    for (; r + decode_rows <= rows; r += decode_rows) tile_f32(out + r, out_stride, w + r * n, x, n, decode_rows, 1);
    tokens_f32(out + r, out_stride, w + r * n, x, rows - r, n, 1);
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
