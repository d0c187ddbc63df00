// The kernels that are the same source for every instruction set: everything but the matrix products.
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
    f32x16 v = n - i >= lanes ? load(x + i) : load_part(x + i, n - i, 0);
    i32x16 bits = (i32x16)v & 0x7fffffff;
    i32x16 larger = bits > largest;
    largest = (larger & bits) | (~larger & largest);
  }
  uint32_t most = 0;
  for (size_t i = 0; i < lanes; i++) most = (uint32_t)largest[i] > most ? (uint32_t)largest[i] : most;
  return most;
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

// One group of n values. A group of zeros gets scale 0; one that holds NaN or infinity gets scale NaN, so
// that every product with it is NaN and the damage is seen.
LCK_INLINE void quantize_group(int8_t *q, float *scale, const float *x, size_t n) {
  uint32_t bits = largest_magnitude(x, n);
  float most;
  memcpy(&most, &bits, sizeof most);
  *scale = bits < 0x7f800000 ? most / 127.0f : __builtin_nanf("");
  if (!(*scale > 0)) {
    memset(q, 0, n);
    return;
  }
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    i8x16 rounded = rounded_quotients(load(x + i), *scale);
    memcpy(q + i, &rounded, sizeof rounded);
  }
  if (i < n) {
    i8x16 rounded = rounded_quotients(load_part(x + i, n - i, 0), *scale);
    memcpy(q + i, &rounded, n - i);
  }
}

static LCK_TARGET void quantize_q80(int8_t *q, float *scales, const float *x, size_t n, size_t group) {
  for (size_t i = 0; i < n; i += group) {
    quantize_group(q + i, scales++, x + i, n - i < group ? n - i : group);
  }
}

// MARK: - Norm, rotation, activation

static LCK_TARGET void rmsnorm(float *out, const float *x, const float *weight, size_t n, float eps) {
  float squares = 0;
  for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
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

// MARK: - Softmax and attention

LCK_INLINE float largest(const float *x, size_t n) {
  f32x16 most = splat(-__builtin_inff());
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = n - i >= lanes ? load(x + i) : load_part(x + i, n - i, -__builtin_inff());
    most = choose(v > most, v, most);
  }
  float result = most[0];
  for (size_t i = 1; i < lanes; i++) result = most[i] > result ? most[i] : result;
  return result;
}

static LCK_TARGET size_t argmax(const float *x, size_t n) {
  if (largest_magnitude(x, n) >= 0x7f800000) return n;
  f32x16 most = splat(-__builtin_inff());
  i32x16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, at = {0};
  for (size_t i = 0; i < n; i += lanes, index += lanes) {
    f32x16 v = n - i >= lanes ? load(x + i) : load_part(x + i, n - i, -__builtin_inff());
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

LCK_INLINE float exponentials_of(float *out, const float *x, float divisor, size_t n, const _Bool divides) {
  float most = largest(x, n);  // division keeps the order
  if (divides) most /= divisor;
  for (size_t i = 0; i < n; i += lanes) {
    _Bool whole = n - i >= lanes;
    f32x16 v = whole ? load(x + i) : load_part(x + i, n - i, 0);
    if (divides) v /= divisor;
    v = exponential(v - most);
    if (whole) store(out + i, v); else store_part(out + i, v, n - i);
  }
  return ordered_sum(0, out, n);
}

static LCK_TARGET float exponentials(float *out, const float *x, float divisor, size_t n) {
  return divisor == 1 ? exponentials_of(out, x, 1, n, 0) : exponentials_of(out, x, divisor, n, 1);
}

static LCK_TARGET void softmax(float *x, size_t n) {
  float total = exponentials(x, x, 1, n);
  for (size_t i = 0; i < n; i++) x[i] /= total;
}

static LCK_TARGET size_t indices_from(uint32_t *indices, const float *x, float limit, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i += lanes) {
    f32x16 v = n - i >= lanes ? load(x + i) : load_part(x + i, n - i, __builtin_nanf(""));
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

// The scores of `blocks` * 16 positions: lane = position, so that each score adds up in the order of its head's
// elements; several blocks at once hide the latency of the chains.
LCK_INLINE void block_scores(float *scores, const float *q, const float *k, size_t head_size, float divisor,
                             size_t count, const size_t blocks) {
  f32x16 acc[4] = {{0}};
  for (size_t i = 0; i < head_size; i++) {
    LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
      acc[b] += splat(q[i]) * load(k + (b * head_size + i) * lanes);
    }
  }
  LCK_UNROLL for (size_t b = 0; b < blocks; b++) {
    f32x16 result = acc[b] / divisor;
    if (count >= (b + 1) * lanes) {
      store(scores + b * lanes, result);
    } else {
      store_part(scores + b * lanes, result, count - b * lanes);
    }
  }
}

LCK_INLINE void attention_scores(float *scores, const float *q, const float *k, size_t positions,
                                 size_t head_size, float divisor) {
  size_t p = 0;
  for (; p + 4 * lanes <= positions; p += 4 * lanes) {
    block_scores(scores + p, q, k + p * head_size, head_size, divisor, positions - p, 4);
  }
  for (; p < positions; p += lanes) {
    block_scores(scores + p, q, k + p * head_size, head_size, divisor, positions - p, 1);
  }
}

// `vectors` * 16 elements of out = sum over p of scores[p] * v[p].
LCK_INLINE void weighted_sum(float *out, const float *scores, const float *v, size_t positions,
                             size_t stride, const size_t vectors) {
  f32x16 acc[8] = {{0}};
  for (size_t p = 0; p < positions; p++) {
    LCK_UNROLL for (size_t i = 0; i < vectors; i++) {
      acc[i] += splat(scores[p]) * load(v + p * stride + i * lanes);
    }
  }
  LCK_UNROLL for (size_t i = 0; i < vectors; i++) store(out + i * lanes, acc[i]);
}

static LCK_TARGET void attention(float *out, float *scores, const float *q, const float *k, const float *v,
                                 size_t positions, size_t head_size) {
  attention_scores(scores, q, k, positions, head_size, __builtin_sqrtf((float)head_size));
  softmax(scores, positions);
  const size_t n = head_size;
  size_t i = 0;
  for (; i + 8 * lanes <= n; i += 8 * lanes) weighted_sum(out + i, scores, v + i, positions, n, 8);
  for (; i + 4 * lanes <= n; i += 4 * lanes) weighted_sum(out + i, scores, v + i, positions, n, 4);
  for (; i + lanes <= n; i += lanes) weighted_sum(out + i, scores, v + i, positions, n, 1);
  if (i < n) {
    f32x16 acc = {0};
    for (size_t p = 0; p < positions; p++) {
      acc += splat(scores[p]) * load_part(v + p * n + i, n - i, 0);
    }
    store_part(out + i, acc, n - i);
  }
}

// MARK: - The table

// A table whose int8 product is `q80`; the other functions are those of the including file.
#define LCK_TABLE(table_name, q80)                                                                   \
  {                                                                                                  \
    .name = table_name, .matmul_f32 = matmul_f32, .matmul_q80 = q80, .quantize_q80 = quantize_q80,   \
    .rmsnorm = rmsnorm, .rope = rope, .swiglu = swiglu, .add = add, .argmax = argmax,                \
    .softmax = softmax, .exponentials = exponentials, .ordered_sum = ordered_sum,                    \
    .indices_from = indices_from,                                                                    \
    .attention = attention,                                                                          \
  }

#endif
