// The int8 matrix product of a token, or of a few: the rows are read one after the other, as one sequential
// stream of memory.
//
// The including file provides group_sums(w, x, offsets, count, group): the exact sums of up to 16 groups of 64 or
// 32 products, given 128 times the sum of each group of x.
#ifndef LLAMA_CHAT_STREAM_Q80_H
#define LLAMA_CHAT_STREAM_Q80_H

#include "CKernels.h"
#include "vector.h"

enum {
  narrow_groups = 64,
};

// (sum * weight scale) * input scale of 16 groups, or of the first `count`; the lanes above hold anything.
LCK_INLINE f32x16 group_terms(const int8_t *w, f32x16 ws, const int8_t *x, const float *xs,
                              const int32_t *offsets, size_t count, const size_t group) {
  i32x16 sums = group_sums(w, x, offsets, count, group);
  return (__builtin_convertvector(sums, f32x16) * ws) * load(xs);
}

// acc + terms[from] + ... + terms[to - 1], one after the other. By way of memory, because sixteen loads are
// cheaper than sixteen shuffles, and the row's other work hides the chain of additions.
LCK_INLINE float add_in_order(float acc, f32x16 terms, size_t from, size_t to) {
  float each[lanes] __attribute__((aligned(64)));
  store(each, terms);
  __asm__ volatile("" : "+m"(each));
  if (from == 0 && to == lanes) {
    LCK_UNROLL for (size_t i = 0; i < lanes; i++) acc += each[i];
  } else {
    for (size_t i = from; i < to; i++) acc += each[i];
  }
  return acc;
}

// The product of one row of 16 groups or more.
LCK_INLINE float row_sum(const int8_t *w, const float *ws, const int8_t *x, const float *xs, const int32_t *offsets,
                         size_t groups, const size_t group) {
  float acc = 0;
  size_t g = 0;
  for (; g + lanes <= groups; g += lanes) {
    f32x16 terms = group_terms(w + g * group, load(ws + g), x + g * group, xs + g, offsets + g, lanes, group);
    acc = add_in_order(acc, terms, 0, lanes);
  }
  if (g < groups) {  // the last sixteen groups, of which the first are already in acc
    size_t first = groups - lanes;
    f32x16 terms = group_terms(w + first * group, load(ws + first), x + first * group, xs + first, offsets + first,
                               lanes, group);
    acc = add_in_order(acc, terms, g - first, lanes);
  }
  return acc;
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
  float terms[lanes * narrow_groups] __attribute__((aligned(64)));
  size_t at = 0;  // the group of x where the block starts
  for (size_t b = 0; b < groups; b++) {
    size_t first = b * lanes;
    store(terms + first, group_terms(w + first * group, load(ws + first), x->x + at * group, x->scales + at,
                                     x->offsets + at, lanes, group));
    for (at += lanes; at >= groups;) at -= groups;
  }
  for (size_t i = 0; i < lanes; i++) {
    float acc = 0;
    for (size_t g = 0; g < groups; g++) acc += terms[i * groups + g];
    out[i] = acc;
  }
}

// Rows of fewer than 16 groups, `left` of them. `ws` holds the scales of all, one row's after another's.
LCK_INLINE float short_row(const int8_t *w, const float *ws, size_t left, const repeated *x, const size_t group,
                           size_t groups) {
  f32x16 scales = left * groups >= lanes ? load(ws) : load_part(ws, left * groups, 0);
  return add_in_order(0, group_terms(w, scales, x->x, x->scales, x->offsets, groups, group), 0, groups);
}

// Each row in turn, for each of `tokens`, at most LCK_STREAM_TOKENS. `group`, 64 or 32, is a constant at the call.
LCK_INLINE void stream(float *out, size_t out_stride, const int8_t *w, const float *ws, const lck_quantized *x,
                       size_t rows, size_t n, const size_t group, size_t tokens) {
  const size_t groups = n / group;
  const bool is_narrow = groups < narrow_groups && groups % lanes != 0;
  repeated xs[LCK_STREAM_TOKENS];
  for (size_t t = 0; is_narrow && t < tokens; t++) repeat(&xs[t], x, t, group, groups);
  for (size_t r = 0; r < rows;) {
    const int8_t *row = w + r * n;
    const float *scales = ws + r * groups;
    const bool many = is_narrow && r + lanes <= rows;
    for (size_t t = 0; t < tokens; t++) {
      float *to = out + t * out_stride + r;
      if (many) {
        narrow_rows(to, row, scales, &xs[t], group, groups);
      } else if (groups < lanes) {
        *to = short_row(row, scales, rows - r, &xs[t], group, groups);
      } else {
        *to = row_sum(row, scales, x->values + t * x->stride, x->scales + t * groups, x->offsets + t * groups, groups,
                      group);
      }
    }
    r += many ? lanes : 1;
  }
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
