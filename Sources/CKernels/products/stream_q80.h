// The int8 matrix product of a token, or of a few: the rows are read one after the other, as one sequential
// stream of memory. What a row's groups add to its sum waits for fifteen other rows' to be added side by side: a sum
// by itself would wait for each of its additions.
//
// The including file provides group_sums(w, x, offsets, count, group): the exact sums of up to 16 groups of 64 or
// 32 products, given 128 times the sum of each group of x.
#ifndef LLAMA_CHAT_STREAM_Q80_H
#define LLAMA_CHAT_STREAM_Q80_H

#include "CKernels.h"
#include "../vector/ordered_sum.h"

enum {
  narrow_groups = 64,
  stream_groups = 1024,  // of a row, at most
};

// (sum * weight scale) * input scale of 16 groups, or of the first `count`; the lanes above hold anything.
LCK_INLINE f32x16 group_terms(const int8_t *w, f32x16 ws, const int8_t *x, const float *xs,
                              const int32_t *offsets, size_t count, const size_t group) {
  i32x16 sums = group_sums(w, x, offsets, count, group);
  return (__builtin_convertvector(sums, f32x16) * ws) * load(xs);
}

// The terms of one row of 16 groups or more.
LCK_INLINE void row_terms(float *terms, const int8_t *w, const float *ws, const int8_t *x, const float *xs,
                          const int32_t *offsets, size_t groups, const size_t group) {
  for (size_t g = 0; g < groups; g += lanes) {
    size_t at = smaller(g, groups - lanes);  // the last sixteen overlap with those before
    store(terms + at, group_terms(w + at * group, load(ws + at), x + at * group, xs + at, offsets + at, lanes, group));
  }
}

// Rows of fewer than `narrow_groups` groups, sixteen at a time: their groups, one row's after another's, fill
// whole blocks of sixteen, while x is repeated to match.
typedef struct {
  int8_t x[(narrow_groups + lanes) * 64] __attribute__((aligned(64)));
  float scales[narrow_groups + lanes] __attribute__((aligned(64)));
  int32_t offsets[narrow_groups + lanes] __attribute__((aligned(64)));
} repeated;

LCK_INLINE void repeat(repeated *to, const lck_quantized *x, size_t token, const size_t group, size_t groups) {
  for (size_t i = 0, g = 0; i < groups + lanes; i++, g = g + 1 == groups ? 0 : g + 1) {
    memcpy(to->x + i * group, x->values + token * x->stride + g * group, group);
    to->scales[i] = x->scales[token * groups + g];
    to->offsets[i] = x->offsets[token * groups + g];
  }
}

LCK_INLINE void narrow_rows(float *out, const int8_t *w, const float *ws, const repeated *x, const size_t group,
                            size_t groups) {
  float terms[lanes * narrow_groups + lanes] __attribute__((aligned(64)));
  size_t at = 0;  // the group of x where the block starts
  for (size_t b = 0; b < groups; b++) {
    size_t first = b * lanes;
    store(terms + first, group_terms(w + first * group, load(ws + first), x->x + at * group, x->scales + at,
                                     x->offsets + at, lanes, group));
    for (at += lanes; at >= groups;) at -= groups;
  }
  ordered_sums(out, terms, groups, lanes, groups);
}

// Rows of fewer than 16 groups, `left` of them. `ws` holds the scales of all, one row's after another's.
LCK_INLINE float short_row(const int8_t *w, const float *ws, size_t left, const repeated *x, const size_t group,
                           size_t groups) {
  f32x16 scales = left * groups >= lanes ? load(ws) : load_part(ws, left * groups, 0);
  float terms[lanes], acc = 0;
  store(terms, group_terms(w, scales, x->x, x->scales, x->offsets, groups, group));
  for (size_t g = 0; g < groups; g++) acc += terms[g];
  return acc;
}

// Rows of 16 groups or more, sixteen at a time.
LCK_INLINE void wide_rows(float *out, size_t out_stride, const int8_t *w, const float *ws, const lck_quantized *x,
                          size_t rows, size_t n, const size_t group, size_t tokens) {
  const size_t groups = n / group, stride = (groups + lanes - 1) / lanes * lanes;
  float terms[LCK_STREAM_TOKENS][lanes * stream_groups] __attribute__((aligned(64))), sums[lanes];
  for (size_t r = 0; r < rows; r += lanes) {
    size_t count = smaller(rows - r, lanes);
    for (size_t i = 0; i < count; i++) {
      for (size_t t = 0; t < tokens; t++) {
        row_terms(terms[t] + i * stride, w + (r + i) * n, ws + (r + i) * groups, x->values + t * x->stride,
                  x->scales + t * groups, x->offsets + t * groups, groups, group);
      }
    }
    for (size_t t = 0; t < tokens; t++) {
      ordered_sums(sums, terms[t], stride, count, groups);
      memcpy(out + t * out_stride + r, sums, count * sizeof *sums);
    }
  }
}

// Up to LCK_STREAM_TOKENS tokens, and stream_groups groups. `group`, 64 or 32, is a constant at the call.
LCK_INLINE void stream(float *out, size_t out_stride, const int8_t *w, const float *ws, const lck_quantized *x,
                       size_t rows, size_t n, const size_t group, size_t tokens) {
  const size_t groups = n / group;
  size_t r = 0;
  if (groups < narrow_groups && groups % lanes != 0) {
    repeated xs[LCK_STREAM_TOKENS];
    for (size_t t = 0; t < tokens; t++) repeat(&xs[t], x, t, group, groups);
    for (; r + lanes <= rows; r += lanes) {
      for (size_t t = 0; t < tokens; t++) {
        narrow_rows(out + t * out_stride + r, w + r * n, ws + r * groups, &xs[t], group, groups);
      }
    }
    for (; groups < lanes && r < rows; r++) {
      for (size_t t = 0; t < tokens; t++) {
        out[t * out_stride + r] = short_row(w + r * n, ws + r * groups, rows - r, &xs[t], group, groups);
      }
    }
  }
  if (r < rows) wide_rows(out + r, out_stride, w + r * n, ws + r * groups, x, rows - r, n, group, tokens);
}

static __attribute__((noinline)) LCK_TARGET void stream_q80(float *out, size_t out_stride, const int8_t *w,
                                                            const float *ws, const lck_quantized *x, size_t rows,
                                                            size_t n, size_t group, size_t tokens) {
  if (group == 64) {
    stream(out, out_stride, w, ws, x, rows, n, 64, tokens);
  } else {
    stream(out, out_stride, w, ws, x, rows, n, 32, tokens);
  }
}

#endif
