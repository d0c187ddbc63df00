// Attention over the cache of keys and values. Queries that share a KV head are taken together, so that a key or
// value is loaded once for several of them, and widened once for all; each sum keeps its order, whatever stands
// beside it.
//
// Included once by each table's file, after it has defined LCK_TARGET, the sizes of the tiles, and widen_halves.
#ifndef LLAMA_CHAT_ATTENTION_H
#define LLAMA_CHAT_ATTENTION_H

#include "cache.h"

enum {
  tile_rows = 4,        // queries side by side
  value_chunk = 64,     // positions whose values stay in the first-level cache for all queries
  widened_rows = 8,     // queries from which on it pays to widen what several tiles need
  widened_floats = value_chunk * 128,
};

// v * *x. A file that has something faster than to spread x over a register first defines LCK_MULTIPLIES_MEMORY.
#ifndef LCK_MULTIPLIES_MEMORY
LCK_INLINE f32x16 times(f32x16 v, const float *x) { return v * splat(*x); }
#endif

// MARK: - The rows of a group

// Positions that row `row` sees.
LCK_INLINE size_t seen(const lck_queries *group, size_t row) { return group->positions + row / group->heads; }

// Where row `row` of q and of out begins.
LCK_INLINE size_t row_start(const lck_queries *group, size_t row, size_t head_size) {
  return row / group->heads * group->stride + row % group->heads * head_size;
}

// Calls a tile with its number of rows as a constant.
#define LCK_BY_ROWS(rows, call)                                                                      \
  switch (rows) {                                                                                    \
    case 1: { enum { count = 1 }; call; break; }                                                     \
    case 2: { enum { count = 2 }; call; break; }                                                     \
    case 3: { enum { count = 3 }; call; break; }                                                     \
    default: { enum { count = tile_rows }; call; break; }                                            \
  }

// MARK: - Scores

// `blocks` blocks of scores of `rows` queries, both constants: lane = position, so that each score adds up in the
// order of its head's elements; `ahead` elements further, keys are fetched for the next tile. `keys`, of `type`,
// are those from `position` on.
LCK_INLINE void score_tile(const lck_queries *group, const lck_kv_head *head, const void *keys, size_t row,
                           size_t position, float divisor, size_t ahead, const lck_kv_type type, const size_t rows,
                           const size_t blocks) {
  const size_t n = head->head_size;
  const float *q[tile_rows];
  LCK_UNROLL for (size_t r = 0; r < rows; r++) q[r] = group->q + row_start(group, row + r, n);
  f32x16 acc[tile_rows * LCK_SCORE_BLOCKS(1)] = {{0}};
  for (size_t i = 0; i < n; i++) {
    f32x16 k[LCK_SCORE_BLOCKS(1)];
    LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
      size_t at = (b * n + i) * lanes;
      k[b] = widen(keys, at, type);
      if (ahead) __builtin_prefetch((const char *)keys + (at + ahead) * element_bytes(type), 0, 2);
    }
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      LCK_UNROLL for (size_t b = 0; b < blocks; b++) acc[r * blocks + b] += times(k[b], q[r] + i);
    }
  }
  // Where the root is a power of two, multiplying by its inverse is the same, and faster.
  const float factor = 1 / divisor;
  uint32_t bits;
  memcpy(&bits, &divisor, sizeof bits);
  const bool is_exact = bits << 9 == 0;
  LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
    size_t at = position + b * lanes;
    f32x16 scale = splat(1);
    if (head->type == lck_kv_q8) scale = load(head->key_scales + at);
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      f32x16 result = acc[r * blocks + b];
      if (head->type == lck_kv_q8) result *= scale;
      store(group->scores + (row + r) * group->score_stride + at, is_exact ? result * factor : result / divisor);
    }
  }
}

// The scores of `rows` queries from `from` on, where `keys` begin, in strips of up to LCK_SCORE_BLOCKS(1) blocks.
LCK_INLINE void score_strip(const lck_queries *group, const lck_kv_head *head, const void *keys, size_t row,
                            size_t from, size_t to, float divisor, const lck_kv_type type, const size_t rows) {
  const size_t wide = LCK_SCORE_BLOCKS(rows), step = head->head_size * element_bytes(type);
  const char *at = keys;
  size_t p = from;
  size_t ahead = row == 0 ? wide * lanes * head->head_size : 0;
  for (; p + (wide - 1) * lanes < to; p += wide * lanes) {
    score_tile(group, head, at + (p - from) * step, row, p, divisor, ahead, type, rows, wide);
  }
  for (; p < to; p += lanes) score_tile(group, head, at + (p - from) * step, row, p, divisor, 0, type, rows, 1);
}

// All queries over the positions from ..< to of a chunk.
LCK_INLINE void score_chunk(const lck_queries *group, const lck_kv_head *head, const void *keys, size_t from,
                            size_t to, float divisor, const lck_kv_type type) {
  const size_t all = group->heads * group->tokens;
  for (size_t row = 0; row < all; row += tile_rows) {
    size_t rows = smaller(all - row, tile_rows);
    size_t end = smaller(to, seen(group, row + rows - 1));
    LCK_BY_ROWS(rows, score_strip(group, head, keys, row, from, end, divisor, type, count));
  }
}

static LCK_TARGET void score_chunk_f32(const lck_queries *group, const lck_kv_head *head, const float *keys,
                                       size_t from, size_t to, float divisor) {
  score_chunk(group, head, keys, from, to, divisor, lck_kv_f32);
}

LCK_INLINE void scores_of_type(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to,
                               const lck_kv_type type) {
  const size_t all = group->heads * group->tokens, n = head->head_size, chunk = LCK_SCORE_BLOCKS(1) * lanes;
  const float divisor = __builtin_sqrtf((float)n);
  const bool widens = type != lck_kv_f32 && all >= widened_rows && chunk * n <= widened_floats;
  float widened[widened_floats] __attribute__((aligned(64)));
  to = smaller(to, seen(group, all - 1));
  for (size_t p = from; p < to; p += chunk) {
    size_t end = smaller(to, p + chunk);
    if (type == lck_kv_f32) {
      score_chunk_f32(group, head, (const float *)head->keys + p * n, p, end, divisor);
    } else if (widens) {
      widen_all(widened, head->keys, p * n, (end - p + lanes - 1) / lanes * lanes * n, type);
      score_chunk_f32(group, head, widened, p, end, divisor);
    } else {
      score_chunk(group, head, (const char *)head->keys + p * n * element_bytes(type), p, end, divisor, type);
    }
  }
}

static LCK_TARGET void attention_scores(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to) {
  switch (head->type) {
    case lck_kv_f32: scores_of_type(group, head, from, to, lck_kv_f32); break;
    case lck_kv_f16: scores_of_type(group, head, from, to, lck_kv_f16); break;
    case lck_kv_q8: scores_of_type(group, head, from, to, lck_kv_q8); break;
  }
}

// MARK: - Softmax

// e^(x - the largest) of the first n values of x, in whole vectors: those beyond come to hold anything.
LCK_INLINE void row_exponentials(float *x, size_t n) {
  f32x16 most = splat(-__builtin_inff());
  const i32x16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = load(x + i);
    most = choose((v > most) & (index < (int32_t)(n - i)), v, most);
  }
  const float top = largest_lane(most);
  for (size_t i = 0; i < n; i += lanes) store(x + i, exponential(load(x + i) - top));
}

static LCK_TARGET void attention_softmax(const lck_queries *group, size_t from, size_t to) {
  const size_t stride = group->score_stride;
  for (size_t row = from; row < to; row += lanes) {
    float *x = group->scores + row * stride, totals[lanes];
    size_t rows = smaller(to - row, lanes), common = seen(group, row);
    for (size_t r = 0; r < rows; r++) row_exponentials(x + r * stride, seen(group, row + r));
    if (rows == 1) {
      totals[0] = ordered_sum(0, x, common);
    } else {
      ordered_sums(totals, x, stride, rows, common);
    }
    for (size_t r = 0; r < rows; r++) {
      size_t n = seen(group, row + r);
      for (size_t i = common; i < n; i++) totals[r] += x[r * stride + i];
      for (size_t i = 0; i < n; i += lanes) store(x + r * stride + i, load(x + r * stride + i) / totals[r]);
    }
  }
}

// MARK: - Values

// Some positions' values: `rows` of `type`, those of position `from` first, of which `count` exist.
typedef struct {
  const void *rows;
  size_t from, count;
} value_block;

// Adds positions from ..< to to `vectors` * 16 elements from `element` on of `rows` outputs, both constants; the
// last vector may be `whole` or not.
LCK_INLINE void value_tile(const lck_queries *group, const lck_kv_head *head, const value_block *chunk, size_t row,
                           size_t from, size_t to, size_t element, const lck_kv_type type, const size_t rows,
                           const size_t vectors, const int whole) {
  const size_t n = head->head_size;
  const float *weight[tile_rows];
  float *out[tile_rows], scaled[tile_rows][value_chunk];
  f32x16 acc[tile_rows * LCK_VALUE_VECTORS(1)] = {{0}};
  LCK_UNROLL for (size_t r = 0; r < rows; r++) {
    weight[r] = group->scores + (row + r) * group->score_stride + from;
    if (head->type == lck_kv_q8) {
      for (size_t p = 0; p < to - from; p++) scaled[r][p] = weight[r][p] * head->value_scales[from + p];
      weight[r] = scaled[r];
    }
    out[r] = group->out + row_start(group, row + r, n) + element;
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      if (from > 0) acc[r * vectors + i] = whole ? load(out[r] + i * lanes) : load_part(out[r], n - element, 0);
    }
  }
  // Whole rows are one stream, which comes by itself; of parts, the first tile fetches those of the next chunk.
  const size_t ahead = row == 0 && vectors * lanes < n ? value_chunk * n : 0;
  for (size_t p = from; p < to; p++) {
    f32x16 v[LCK_VALUE_VECTORS(1)];
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      size_t at = (p - chunk->from) * n + element + i * lanes;
      v[i] = whole ? widen(chunk->rows, at, type) : widen_before(chunk->rows, at, chunk->count * n, type);
      if (ahead) __builtin_prefetch((const char *)chunk->rows + (at + ahead) * element_bytes(type), 0, 2);
    }
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      LCK_UNROLL for (size_t i = 0; i < vectors; i++) acc[r * vectors + i] += times(v[i], weight[r] + p - from);
    }
  }
  LCK_UNROLL for (size_t r = 0; r < rows; r++) {
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      if (whole) {
        store(out[r] + i * lanes, acc[r * vectors + i]);
      } else {
        store_part(out[r], acc[r], n - element);
      }
    }
  }
}

// The same for elements first ..< last.
LCK_INLINE void value_rows(const lck_queries *group, const lck_kv_head *head, const value_block *chunk, size_t row,
                           size_t from, size_t to, size_t first, size_t last, const lck_kv_type type,
                           const size_t rows) {
  const size_t wide = LCK_VALUE_VECTORS(rows), half = wide > 2 ? wide / 2 : 1;
  size_t i = first;
  for (; i + wide * lanes <= last; i += wide * lanes) {
    value_tile(group, head, chunk, row, from, to, i, type, rows, wide, 1);
  }
  for (; i + half * lanes <= last; i += half * lanes) {
    value_tile(group, head, chunk, row, from, to, i, type, rows, half, 1);
  }
  for (; i + lanes <= last; i += lanes) value_tile(group, head, chunk, row, from, to, i, type, rows, 1, 1);
  if (i < last) value_tile(group, head, chunk, row, from, to, i, type, rows, 1, 0);
}

// All queries over one chunk.
LCK_INLINE void add_values(const lck_queries *group, const lck_kv_head *head, const value_block *chunk, size_t first,
                           size_t last, const lck_kv_type type) {
  const size_t all = group->heads * group->tokens, from = chunk->from, to = from + chunk->count;
  for (size_t row = 0; row < all; row += tile_rows) {
    // All rows of the tile together as far as its first one sees; the rest of each by itself.
    size_t rows = smaller(all - row, tile_rows);
    size_t common = smaller(to, seen(group, row));
    if (common > from) {
      LCK_BY_ROWS(rows, value_rows(group, head, chunk, row, from, common, first, last, type, count));
    }
    size_t start = common > from ? common : from;
    for (size_t r = 1; r < rows; r++) {
      size_t end = smaller(to, seen(group, row + r));
      if (end > start) value_rows(group, head, chunk, row + r, start, end, first, last, type, 1);
    }
  }
}

static LCK_TARGET void add_values_f32(const lck_queries *group, const lck_kv_head *head, const value_block *chunk,
                                      size_t first, size_t last) {
  add_values(group, head, chunk, first, last, lck_kv_f32);
}

LCK_INLINE void values_of_type(const lck_queries *group, const lck_kv_head *head, size_t first, size_t last,
                               const lck_kv_type type) {
  const size_t all = group->heads * group->tokens, most = seen(group, all - 1), n = head->head_size;
  const bool widens = type != lck_kv_f32 && all >= widened_rows && value_chunk * n <= widened_floats;
  float widened[widened_floats] __attribute__((aligned(64)));
  for (size_t from = 0; from < most; from += value_chunk) {
    // Nothing at or after `seen` is in use.
    value_block chunk = {(const char *)head->values + from * n * element_bytes(type), from,
                    smaller(most - from, value_chunk)};
    if (widens) {
      widen_all(widened, chunk.rows, 0, chunk.count * n, type);
      chunk.rows = widened;
    }
    if (type == lck_kv_f32 || widens) {
      add_values_f32(group, head, &chunk, first, last);
    } else {
      add_values(group, head, &chunk, first, last, type);
    }
  }
}

static LCK_TARGET void attention_values(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to) {
  switch (head->type) {
    case lck_kv_f32: values_of_type(group, head, from, to, lck_kv_f32); break;
    case lck_kv_f16: values_of_type(group, head, from, to, lck_kv_f16); break;
    case lck_kv_q8: values_of_type(group, head, from, to, lck_kv_q8); break;
  }
}

#endif
