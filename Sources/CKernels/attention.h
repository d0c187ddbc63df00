// The cache of keys and values, and attention over it. Queries that share a KV head are taken together, so that a
// key or value is loaded, and widened, once for several of them; each sum keeps its order, whatever stands beside it.
//
// Included once by each table's file, after it has defined LCK_TARGET, the sizes of the tiles, and widen_halves.
#ifndef LLAMA_CHAT_ATTENTION_H
#define LLAMA_CHAT_ATTENTION_H

#include "elementwise.h"
#include "half.h"

enum {
  tile_rows = 4,         // queries side by side
  value_chunk = 64,      // positions whose values stay in the first-level cache for all queries
};

// Sixteen elements of the cache from index `at` on.
LCK_INLINE f32x16 widen(const void *elements, size_t at, const lck_kv_type type) {
  if (type == lck_kv_f32) return load((const float *)elements + at);
  if (type == lck_kv_f16) return widen_halves((const uint16_t *)elements + at);
  i8x16 q;
  memcpy(&q, (const int8_t *)elements + at, sizeof q);
  return __builtin_convertvector(q, f32x16);
}

LCK_INLINE size_t element_bytes(const lck_kv_type type) {
  return type == lck_kv_f32 ? sizeof(float) : type == lck_kv_f16 ? sizeof(uint16_t) : sizeof(int8_t);
}

// The same where only the elements before `end` exist; the lanes beyond hold anything.
LCK_INLINE f32x16 widen_before(const void *elements, size_t at, size_t end, const lck_kv_type type) {
  if (at + lanes <= end) return widen(elements, at, type);
  float padded[lanes] = {0};
  memcpy(padded, (const char *)elements + at * element_bytes(type), (end - at) * element_bytes(type));
  return widen(padded, 0, type);
}

// MARK: - Storing

// Sixteen floats as elements of the cache; with q8, `scale` is their position's.
LCK_INLINE void narrow(void *elements, size_t at, f32x16 x, size_t count, float scale, const lck_kv_type type) {
  if (type == lck_kv_f32) {
    memcpy((float *)elements + at, &x, count * sizeof(float));
  } else if (type == lck_kv_f16) {
    u16x16 halves = narrow_to_halves(x);
    memcpy((uint16_t *)elements + at, &halves, count * sizeof(uint16_t));
  } else {
    i8x16 q = {0};
    if (scale > 0) q = rounded_quotients(x, scale);
    memcpy((int8_t *)elements + at, &q, count);
  }
}

// The vector of one position, (head_size), to elements `step` apart from `at` on.
LCK_INLINE void store_vector(void *elements, size_t at, const size_t step, const float *x, size_t head_size,
                             float scale, const lck_kv_type type) {
  for (size_t i = 0; i < head_size; i += lanes) {
    size_t count = head_size - i < lanes ? head_size - i : (size_t)lanes;
    f32x16 v = count == lanes ? load(x + i) : load_part(x + i, count, 0);
    if (step == 1) {
      narrow(elements, at + i, v, count, scale, type);
      continue;
    }
    char few[sizeof(f32x16)];
    narrow(few, 0, v, lanes, scale, type);
    const size_t size = element_bytes(type);
    for (size_t j = 0; j < count; j++) {
      memcpy((char *)elements + (at + (i + j) * step) * size, few + j * size, size);
    }
  }
}

// Keys of the sixteen positions of one block, `stride` floats apart: whole lines instead of a piece of each.
LCK_INLINE void store_key_block(void *keys, size_t at, const float *k, size_t stride, size_t head_size,
                                const float *scales, const lck_kv_type type) {
  for (size_t i = 0; i < head_size; i += lanes) {
    size_t count = head_size - i < lanes ? head_size - i : (size_t)lanes;
    i32x16 v[lanes];
    for (size_t p = 0; p < lanes; p++) {
      f32x16 x = count == lanes ? load(k + p * stride + i) : load_part(k + p * stride + i, count, 0);
      v[p] = (i32x16)x;
      if (type == lck_kv_q8) {
        i8x16 q = {0};
        if (scales[p] > 0) q = rounded_quotients(x, scales[p]);
        v[p] = __builtin_convertvector(q, i32x16);
      }
    }
    transpose(v);
    for (size_t j = 0; j < count; j++) {
      if (type == lck_kv_q8) {
        i8x16 q = __builtin_convertvector(v[j], i8x16);
        memcpy((int8_t *)keys + at + (i + j) * lanes, &q, sizeof q);
      } else {
        narrow(keys, at + (i + j) * lanes, (f32x16)v[j], lanes, 0, type);
      }
    }
  }
}

LCK_INLINE void store_positions(const lck_kv_head *head, const float *k, const float *v, size_t stride,
                                size_t position, size_t tokens, const lck_kv_type type) {
  const size_t n = head->head_size;
  if (type == lck_kv_q8) {
    for (size_t t = 0; t < tokens; t++) {
      head->key_scales[position + t] = group_scale(k + t * stride, n);
      head->value_scales[position + t] = group_scale(v + t * stride, n);
    }
  }
  for (size_t t = 0; t < tokens;) {
    size_t p = position + t, at = p / lanes * lanes * n + p % lanes;
    const float *scales = type == lck_kv_q8 ? head->key_scales + p : NULL;
    if (p % lanes == 0 && tokens - t >= lanes) {
      store_key_block(head->keys, at, k + t * stride, stride, n, scales, type);
      t += lanes;
    } else {
      store_vector(head->keys, at, lanes, k + t * stride, n, scales ? *scales : 0, type);
      t++;
    }
  }
  for (size_t t = 0; t < tokens; t++) {
    float scale = type == lck_kv_q8 ? head->value_scales[position + t] : 0;
    store_vector(head->values, (position + t) * n, 1, v + t * stride, n, scale, type);
  }
}

static LCK_TARGET void store_kv(const lck_kv_head *head, const float *k, const float *v, size_t stride,
                                size_t position, size_t tokens) {
  switch (head->type) {
    case lck_kv_f32: store_positions(head, k, v, stride, position, tokens, lck_kv_f32); break;
    case lck_kv_f16: store_positions(head, k, v, stride, position, tokens, lck_kv_f16); break;
    case lck_kv_q8: store_positions(head, k, v, stride, position, tokens, lck_kv_q8); break;
  }
}

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
// order of its head's elements; `ahead` elements further, keys are fetched for the next tile.
LCK_INLINE void score_tile(const lck_queries *group, const lck_kv_head *head, size_t row, size_t position,
                           float divisor, size_t ahead, const lck_kv_type type, const size_t rows,
                           const size_t blocks) {
  const size_t n = head->head_size;
  const float *q[tile_rows];
  LCK_UNROLL for (size_t r = 0; r < rows; r++) q[r] = group->q + row_start(group, row + r, n);
  f32x16 acc[tile_rows * LCK_SCORE_BLOCKS(1)] = {{0}};
  for (size_t i = 0; i < n; i++) {
    f32x16 k[LCK_SCORE_BLOCKS(1)];
    LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
      size_t at = position * n + (b * n + i) * lanes;
      k[b] = widen(head->keys, at, type);
      if (ahead) __builtin_prefetch((const char *)head->keys + (at + ahead) * element_bytes(type), 0, 2);
    }
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      LCK_UNROLL for (size_t b = 0; b < blocks; b++) acc[r * blocks + b] += splat(q[r][i]) * k[b];
    }
  }
  LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
    f32x16 scale = splat(1);
    if (type == lck_kv_q8) scale = load(head->key_scales + position + b * lanes);
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      f32x16 result = acc[r * blocks + b];
      if (type == lck_kv_q8) result *= scale;
      store(group->scores + (row + r) * group->score_stride + position + b * lanes, result / divisor);
    }
  }
}

// The scores of `rows` queries at up to LCK_SCORE_BLOCKS(1) blocks of positions.
LCK_INLINE void score_strip(const lck_queries *group, const lck_kv_head *head, size_t row, size_t from, size_t to,
                            float divisor, const lck_kv_type type, const size_t rows) {
  const size_t wide = LCK_SCORE_BLOCKS(rows);
  size_t p = from;
  size_t ahead = row == 0 ? wide * lanes * head->head_size : 0;
  for (; p + (wide - 1) * lanes < to; p += wide * lanes) {
    score_tile(group, head, row, p, divisor, ahead, type, rows, wide);
  }
  for (; p < to; p += lanes) score_tile(group, head, row, p, divisor, 0, type, rows, 1);
}

LCK_INLINE void scores_of_type(const lck_queries *group, const lck_kv_head *head, size_t from, size_t to,
                               const lck_kv_type type) {
  const size_t all = group->heads * group->tokens;
  const float divisor = __builtin_sqrtf((float)head->head_size);
  to = smaller(to, seen(group, all - 1));
  for (size_t p = from; p < to; p += LCK_SCORE_BLOCKS(1) * lanes) {
    for (size_t row = 0; row < all; row += tile_rows) {
      size_t rows = smaller(all - row, tile_rows);
      size_t end = smaller(smaller(to, p + LCK_SCORE_BLOCKS(1) * lanes), seen(group, row + rows - 1));
      LCK_BY_ROWS(rows, score_strip(group, head, row, p, end, divisor, type, count));
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

// Sums of `rows` rows, a constant, over their first n values: each in its order, as chains side by side.
LCK_INLINE void row_sums(float *sums, const float *x, size_t stride, size_t n, const size_t rows) {
  float acc[tile_rows] = {0};
  for (size_t i = 0; i < n; i++) {
    LCK_UNROLL for (size_t r = 0; r < rows; r++) acc[r] += x[r * stride + i];
  }
  LCK_UNROLL for (size_t r = 0; r < rows; r++) sums[r] = acc[r];
}

static LCK_TARGET void attention_softmax(const lck_queries *group, size_t from, size_t to) {
  const size_t stride = group->score_stride;
  for (size_t row = from; row < to; row += tile_rows) {
    float *x = group->scores + row * stride;
    size_t rows = smaller(to - row, tile_rows), common = seen(group, row);
    for (size_t r = 0; r < rows; r++) exponentials_of(x + r * stride, x + r * stride, 1, seen(group, row + r), false);
    float totals[tile_rows];
    LCK_BY_ROWS(rows, row_sums(totals, x, stride, common, count));
    for (size_t r = 0; r < rows; r++) {
      size_t n = seen(group, row + r);
      for (size_t i = common; i < n; i++) totals[r] += x[r * stride + i];
      for (size_t i = 0; i < n; i++) x[r * stride + i] /= totals[r];
    }
  }
}

// MARK: - Values

// Adds positions from ..< to to `vectors` * 16 elements from `element` on of `rows` outputs, both constants; the
// last vector may be `whole` or not.
LCK_INLINE void value_tile(const lck_queries *group, const lck_kv_head *head, size_t row, size_t from, size_t to,
                           size_t element, const lck_kv_type type, const size_t rows, const size_t vectors,
                           const int whole) {
  const size_t n = head->head_size;
  const float *weight[tile_rows];
  float *out[tile_rows];
  f32x16 acc[tile_rows * LCK_VALUE_VECTORS(1)] = {{0}};
  LCK_UNROLL for (size_t r = 0; r < rows; r++) {
    weight[r] = group->scores + (row + r) * group->score_stride;
    out[r] = group->out + row_start(group, row + r, n) + element;
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      if (from > 0) acc[r * vectors + i] = whole ? load(out[r] + i * lanes) : load_part(out[r], n - element, 0);
    }
  }
  // Nothing at or after `seen` is in use.
  const size_t end = to * n;
  // Whole rows are one stream, which comes by itself; of parts, the first tile fetches those of the next chunk.
  const size_t ahead = row == 0 && vectors * lanes < n ? value_chunk * n : 0;
  for (size_t p = from; p < to; p++) {
    f32x16 v[LCK_VALUE_VECTORS(1)];
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      size_t at = p * n + element + i * lanes;
      v[i] = whole ? widen(head->values, at, type) : widen_before(head->values, at, end, type);
      if (ahead) __builtin_prefetch((const char *)head->values + (at + ahead) * element_bytes(type), 0, 2);
    }
    LCK_UNROLL for (size_t r = 0; r < rows; r++) {
      float w = weight[r][p];
      if (type == lck_kv_q8) w *= head->value_scales[p];
      LCK_UNROLL for (size_t i = 0; i < vectors; i++) acc[r * vectors + i] += splat(w) * v[i];
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
LCK_INLINE void value_rows(const lck_queries *group, const lck_kv_head *head, size_t row, size_t from, size_t to,
                           size_t first, size_t last, const lck_kv_type type, const size_t rows) {
  const size_t wide = LCK_VALUE_VECTORS(rows), half = wide > 2 ? wide / 2 : 1;
  size_t i = first;
  for (; i + wide * lanes <= last; i += wide * lanes) {
    value_tile(group, head, row, from, to, i, type, rows, wide, 1);
  }
  for (; i + half * lanes <= last; i += half * lanes) {
    value_tile(group, head, row, from, to, i, type, rows, half, 1);
  }
  for (; i + lanes <= last; i += lanes) value_tile(group, head, row, from, to, i, type, rows, 1, 1);
  if (i < last) value_tile(group, head, row, from, to, i, type, rows, 1, 0);
}

LCK_INLINE void values_of_type(const lck_queries *group, const lck_kv_head *head, size_t first, size_t last,
                               const lck_kv_type type) {
  const size_t all = group->heads * group->tokens, most = seen(group, all - 1);
  for (size_t from = 0; from < most; from += value_chunk) {
    size_t to = smaller(from + value_chunk, most);
    for (size_t row = 0; row < all; row += tile_rows) {
      // All rows of the tile together as far as its first one sees; the rest of each by itself.
      size_t rows = smaller(all - row, tile_rows);
      size_t common = smaller(to, seen(group, row));
      if (common > from) {
        LCK_BY_ROWS(rows, value_rows(group, head, row, from, common, first, last, type, count));
      }
      size_t start = common > from ? common : from;
      for (size_t r = 1; r < rows; r++) {
        size_t end = smaller(to, seen(group, row + r));
        if (end > start) value_rows(group, head, row + r, start, end, first, last, type, 1);
      }
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
