// The float matrix product of one instruction set. A single token takes each row in turn, as one stream of
// memory; several take tiles of LCK_TILE_ROWS x LCK_TILE_TOKENS dot products. Each of them is in the canonical
// order, so the tile's size, chosen to fit the registers, changes the speed and never a bit.
#ifndef LLAMA_CHAT_MATMUL_F32_H
#define LLAMA_CHAT_MATMUL_F32_H

#include "../vector/vector.h"

enum {
  token_block_floats = 65536,  // as many input vectors as stay in the second-level cache
  long_row = 1024,             // from here on a tile's rows do not stay in the first-level cache whole,
  column_block = 640,          // but so many of their columns do
  most_kept_tokens = token_block_floats / long_row,
};

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

// Adds the products of `columns` columns, of rows and tokens `n` apart.
LCK_INLINE void tile_columns(f32x16 *acc, const float *w, const float *x, size_t n, size_t columns,
                             const size_t rows, const size_t tokens) {
  size_t i = 0;
  for (; i + lanes <= columns; i += lanes) tile_step(acc, w + i, x + i, n, rows, tokens, lanes);
  if (i < columns) tile_step(acc, w + i, x + i, n, rows, tokens, columns - i);
}

// The sums of a tile's accumulators.
LCK_INLINE void tile_sums(float *out, size_t out_stride, const f32x16 *acc, const size_t rows,
                          const size_t tokens) {
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

// The dot products of `rows` x `tokens`, both constants at the call.
LCK_INLINE void tile_f32(float *out, size_t out_stride, const float *w, const float *x, size_t n,
                         const size_t rows, const size_t tokens) {
  f32x16 acc[LCK_TILE_ROWS * LCK_TILE_TOKENS] = {{0}};
  tile_columns(acc, w, x, n, n, rows, tokens);
  tile_sums(out, out_stride, acc, rows, tokens);
}

// The next tile's rows, to be fetched into the second-level cache a few lines at a time.
typedef struct {
  const char *at, *end;
  size_t step;
} upcoming;

LCK_INLINE upcoming rows_after(const float *w, size_t n, size_t parts) {
  const char *start = (const char *)(w + LCK_TILE_ROWS * n);
  size_t bytes = LCK_TILE_ROWS * n * sizeof *w;
  return (upcoming){start, start + bytes, parts == 0 ? 0 : (bytes / 64 / parts + 1) * 64};
}

LCK_INLINE void fetch_some(upcoming *next) {
  const char *stop = next->at + next->step < next->end ? next->at + next->step : next->end;
  for (; next->at < stop; next->at += 64) __builtin_prefetch(next->at, 0, 2);
}

// The products of one tile's rows with many tokens whose rows are long: a block of columns after the other, with the
// accumulators of all tiles kept meanwhile, so that the rows are read from the first-level cache.
LCK_INLINE void long_rows_f32(float *out, size_t out_stride, const float *w, const float *x, size_t n, size_t tiles) {
  f32x16 kept[most_kept_tokens / LCK_TILE_TOKENS][LCK_TILE_ROWS * LCK_TILE_TOKENS];
  upcoming next = rows_after(w, n, tiles * ((n + column_block - 1) / column_block));
  for (size_t i = 0; i < n; i += column_block) {
    size_t columns = smaller(n - i, column_block);
    for (size_t tile = 0; tile < tiles; tile++) {
      size_t t = tile * LCK_TILE_TOKENS;
      f32x16 acc[LCK_TILE_ROWS * LCK_TILE_TOKENS] = {{0}};
      if (i > 0) memcpy(acc, kept[tile], sizeof acc);
      fetch_some(&next);
      tile_columns(acc, w + i, x + t * n + i, n, columns, LCK_TILE_ROWS, LCK_TILE_TOKENS);
      if (i + columns < n) memcpy(kept[tile], acc, sizeof acc);
      else tile_sums(out + t * out_stride, out_stride, acc, LCK_TILE_ROWS, LCK_TILE_TOKENS);
    }
  }
}

static LCK_TARGET void tokens_f32(float *out, size_t out_stride, const float *w, const float *x, size_t rows,
                                  size_t n, size_t tokens) {
  size_t tiles = tokens / LCK_TILE_TOKENS;
  size_t r = 0;
  for (; r + LCK_TILE_ROWS <= rows; r += LCK_TILE_ROWS) {
    const float *wr = w + r * n;
    if (n > long_row) {
      long_rows_f32(out + r, out_stride, wr, x, n, tiles);
    } else {
      upcoming next = rows_after(wr, n, tiles);
      for (size_t tile = 0; tile < tiles; tile++) {
        size_t t = tile * LCK_TILE_TOKENS;
        fetch_some(&next);
        tile_f32(out + t * out_stride + r, out_stride, wr, x + t * n, n, LCK_TILE_ROWS, LCK_TILE_TOKENS);
      }
    }
    for (size_t t = tiles * LCK_TILE_TOKENS; t < tokens; t++) {
      tile_f32(out + t * out_stride + r, out_stride, wr, x + t * n, n, LCK_TILE_ROWS, 1);
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
