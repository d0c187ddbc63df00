// The kernels that are the same source for every instruction set: everything but matrix products and attention.
// Included once by each table's file, after it has defined LCK_TARGET.
#ifndef LLAMA_CHAT_ELEMENTWISE_H
#define LLAMA_CHAT_ELEMENTWISE_H

#include "CKernels.h"
#include "exponential.h"
#include "ordered_sum.h"
#include "vector.h"

// MARK: - Quantisation

// The largest |x| as its bit pattern: patterns order like the numbers, with infinity and NaN on top.
LCK_INLINE uint32_t largest_magnitude(const float *x, size_t n) {
  i32x16 largest = {0};
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = load_next(x + i, n - i, 0);
    i32x16 bits = (i32x16)v & 0x7fffffff;
    i32x16 larger = bits > largest;
    largest = (larger & bits) | (~larger & largest);
  }
  return (uint32_t)largest_i32(largest);
}

// x / scale rounded half away from zero. A denormal scale has few digits, so the quotient may leave the int8
// range a little: it is clamped.
LCK_INLINE i8x16 rounded_quotients(f32x16 x, float scale) {
  f32x16 q = x / scale;
  q = choose(q > 127.0f, splat(127), q);
  q = choose(q < -127.0f, splat(-127), q);
  i32x16 whole = __builtin_convertvector(q, i32x16);
  f32x16 fraction = q - __builtin_convertvector(whole, f32x16);
  whole = whole - (fraction >= 0.5f) + (fraction <= -0.5f);  // a true comparison is -1
  return __builtin_convertvector(whole, i8x16);
}

// The scale of a group of n values: 0 for zeros; NaN for a group that holds NaN or infinity, so that every product
// with it is NaN and the damage is seen.
LCK_INLINE float group_scale(const float *x, size_t n) {
  uint32_t bits = largest_magnitude(x, n);
  float most;
  memcpy(&most, &bits, sizeof most);
  return bits < 0x7f800000 ? most / 127.0f : __builtin_nanf("");
}

// One group of n values; without a scale it is zeros.
LCK_INLINE void quantize_group(int8_t *q, float *scale, int32_t *offset, const float *x, size_t n) {
  *scale = group_scale(x, n);
  *offset = 0;
  if (!(*scale > 0)) {
    memset(q, 0, n);
    return;
  }
  i32x16 sums = {0};
  for (size_t i = 0; i < n; i += lanes) {
    size_t count = smaller(n - i, lanes);
    i8x16 rounded = rounded_quotients(count == lanes ? load(x + i) : load_part(x + i, count, 0), *scale);
    if (count == lanes) {
      memcpy(q + i, &rounded, sizeof rounded);
    } else {
      memcpy(q + i, &rounded, count);
    }
    sums += __builtin_convertvector(rounded, i32x16);
  }
  *offset = sum_i32(sums) * 128;
}

static LCK_TARGET void quantize_q80(int8_t *values, float *scales, int32_t *offsets, const float *x, size_t n,
                                    size_t group) {
  for (size_t i = 0; i < n; i += group) {
    quantize_group(values + i, scales++, offsets++, x + i, smaller(n - i, group));
  }
}

// MARK: - Norm, rotation, activation

// The squares added one after the other, each step rounded.
LCK_INLINE float sum_of_squares(const float *x, size_t n) {
  float total = 0, squares[4 * sum_block] __attribute__((aligned(64)));
  for (size_t i = 0; i < n; i += 4 * sum_block) {
    size_t count = smaller(n - i, 4 * sum_block);
    for (size_t j = 0; j < count; j++) squares[j] = x[i + j] * x[i + j];
    total = ordered_sum(total, squares, count);
  }
  return total;
}

static LCK_TARGET void rmsnorm(float *out, const float *x, const float *weight, size_t n, float eps) {
  float squares = sum_of_squares(x, n);
  float inverse = 1.0f / __builtin_sqrtf(squares / (float)n + eps);
  for (size_t i = 0; i < n; i++) out[i] = weight[i] * (inverse * x[i]);
}

static LCK_TARGET void rope(float *v, const float *cos, const float *sin, size_t heads, size_t head_size) {
  for (size_t h = 0; h < heads; h++, v += head_size) {
    for (size_t i = 0; i < head_size / 2; i++) {
      float a = v[2 * i], b = v[2 * i + 1];
      v[2 * i] = a * cos[i] - b * sin[i];
      v[2 * i + 1] = a * sin[i] + b * cos[i];
    }
  }
}

LCK_INLINE f32x16 gated(f32x16 gate, f32x16 up) { return gate * (1.0f / (1.0f + exponential(-gate))) * up; }

static LCK_TARGET void swiglu(float *gate, const float *up, size_t n) {
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) store(gate + i, gated(load(gate + i), load(up + i)));
  if (i < n) {
    store_part(gate + i, gated(load_part(gate + i, n - i, 0), load_part(up + i, n - i, 0)), n - i);
  }
}

static LCK_TARGET void add(float *x, const float *y, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] += y[i];
}

// MARK: - Choosing a token

LCK_INLINE float largest(const float *x, size_t n) {
  f32x16 most = splat(-__builtin_inff());
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = load_next(x + i, n - i, -__builtin_inff());
    most = choose(v > most, v, most);
  }
  return largest_lane(most);
}

static LCK_TARGET size_t argmax(const float *x, size_t n) {
  if (largest_magnitude(x, n) >= 0x7f800000) return n;
  f32x16 most = splat(-__builtin_inff());
  i32x16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, at = {0};
  for (size_t i = 0; i < n; i += lanes, index += lanes) {
    f32x16 v = load_next(x + i, n - i, -__builtin_inff());
    i32x16 larger = v > most;
    most = choose(larger, v, most);
    at = (larger & index) | (~larger & at);
  }
  size_t best = 0;
  for (size_t i = 1; i < lanes; i++) {
    if (most[i] > most[best] || (most[i] == most[best] && at[i] < at[best])) best = i;
  }
  return (size_t)at[best];
}

// out = exp(x / divisor - the largest of them).
LCK_INLINE void exponentials_of(float *out, const float *x, float divisor, size_t n, const bool divides) {
  float most = largest(x, n);  // division keeps the order
  if (divides) most /= divisor;
  for (size_t i = 0; i < n; i += lanes) {
    bool whole = n - i >= lanes;
    f32x16 v = whole ? load(x + i) : load_part(x + i, n - i, 0);
    if (divides) v /= divisor;
    v = exponential(v - most);
    if (whole) {
      store(out + i, v);
    } else {
      store_part(out + i, v, n - i);
    }
  }
}

static LCK_TARGET float exponentials(float *out, const float *x, float divisor, size_t n) {
  if (divisor == 1) {
    exponentials_of(out, x, 1, n, false);
  } else {
    exponentials_of(out, x, divisor, n, true);
  }
  return ordered_sum(0, out, n);
}

static LCK_TARGET float sum_exp(const float *x, float most, size_t n) {
  f32x16 total = {0};
  for (size_t i = 0; i < n;) {
    // Long chains of additions would lose what the exponentials have.
    f32x16 sums = {0};
    for (size_t stop = smaller(n, i + 64 * lanes); i < stop; i += lanes) {
      f32x16 v = load_next(x + i, n - i, -__builtin_inff());
      sums += rough_exponential(v - most);
    }
    total += sums;
  }
  return sum(total);
}

static LCK_TARGET size_t indices_from(uint32_t *indices, const float *x, float limit, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = load_next(x + i, n - i, __builtin_nanf(""));
    i32x16 chosen = v >= limit;
    if (!is_any(chosen)) continue;
    size_t end = n - i < lanes ? n : i + lanes;
    for (size_t j = i; j < end; j++) {
      indices[count] = (uint32_t)j;
      count += x[j] >= limit;
    }
  }
  return count;
}

// MARK: - The table

// A table whose int8 product is `q80`; the other functions are those of the including file.
#define LCK_TABLE(table_name, q80, int8_peak, f32_peak)                                              \
  {                                                                                                  \
    .name = table_name, .matmul_f32 = matmul_f32, .matmul_q80 = q80, .quantize_q80 = quantize_q80,   \
    .rmsnorm = rmsnorm, .rope = rope, .swiglu = swiglu, .add = add, .argmax = argmax,                \
    .exponentials = exponentials, .sum_exp = sum_exp, .ordered_sum = ordered_sum,                    \
    .indices_from = indices_from, .store_kv = store_kv, .attention_scores = attention_scores,        \
    .attention_softmax = attention_softmax, .attention_values = attention_values,                    \
    .peak_q80 = int8_peak, .peak_f32 = f32_peak,                                                     \
  }

#endif
