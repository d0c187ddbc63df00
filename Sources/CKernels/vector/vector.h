// Sixteen floats at a time, in the compiler's own vectors: one source for every instruction set.
//
// A file that includes this header defines LCK_TARGET first (its `target` attribute, or nothing), and
// everything below is compiled for that target: one 512-bit register, two of 256 or four of 128 bits.
// The operations and their order are the same everywhere, hence so are the results, bit by bit.
#ifndef LLAMA_CHAT_VECTOR_H
#define LLAMA_CHAT_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// a * b + c stays two operations unless `fused` says otherwise. GCC has only the command-line flag.
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

// Every function that takes or returns a vector is inlined, so no calling convention is involved.
#pragma GCC diagnostic ignored "-Wpsabi"

#define LCK_INLINE static inline __attribute__((always_inline)) LCK_TARGET

// Unrolls the loop that follows, whose trip count is known once its function is inlined.
#ifdef __clang__
#define LCK_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LCK_UNROLL _Pragma("GCC unroll 32")
#endif

enum { lanes = 16 };

LCK_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

typedef float f32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));

LCK_INLINE f32x16 load(const float *from) {
  typedef float unaligned __attribute__((vector_size(64), aligned(4), may_alias));
  return *(const unaligned *)from;
}

LCK_INLINE void store(float *to, f32x16 v) {
  typedef float unaligned __attribute__((vector_size(64), aligned(4), may_alias));
  *(unaligned *)to = v;
}

LCK_INLINE i32x16 load_i32(const void *from) {
  typedef int32_t unaligned __attribute__((vector_size(64), aligned(1), may_alias));
  return *(const unaligned *)from;
}

LCK_INLINE f32x16 splat(float v) { return (f32x16){v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}; }

// The first `count` (< 16) floats; the other lanes are `fill`.
LCK_INLINE f32x16 load_part(const float *from, size_t count, float fill) {
  float padded[lanes];
  for (size_t i = 0; i < lanes; i++) padded[i] = i < count ? from[i] : fill;
  return load(padded);
}

// The next sixteen of `left` > 0 floats; lanes beyond them are `fill`.
LCK_INLINE f32x16 load_next(const float *from, size_t left, float fill) {
  return left >= lanes ? load(from) : load_part(from, left, fill);
}

LCK_INLINE void store_part(float *to, f32x16 v, size_t count) { memcpy(to, &v, count * sizeof *to); }

// a * b + c, rounded once.
LCK_INLINE f32x16 fused(f32x16 a, f32x16 b, f32x16 c) {
#ifdef __clang__
  return __builtin_elementwise_fma(a, b, c);
#else
  for (size_t i = 0; i < lanes; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#endif
}

// Per lane: mask ? a : b, where mask is a comparison's result.
LCK_INLINE f32x16 choose(i32x16 mask, f32x16 a, f32x16 b) {
  return (f32x16)((mask & (i32x16)a) | (~mask & (i32x16)b));
}

// The canonical order of adding lanes: 8 apart, 4 apart, 2 apart, 1 apart.
LCK_INLINE float sum(f32x16 v) {
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  return (v[0] + v[2]) + (v[1] + v[3]);
}

LCK_INLINE int32_t sum_i32(i32x16 v) {
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  return (v[0] + v[2]) + (v[1] + v[3]);
}

// The largest lane; NaN is never larger.
LCK_INLINE float largest_lane(f32x16 v) {
  f32x16 w = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v = choose(w > v, w, v);
  w = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  v = choose(w > v, w, v);
  float a = v[2] > v[0] ? v[2] : v[0], b = v[3] > v[1] ? v[3] : v[1];
  return b > a ? b : a;
}

LCK_INLINE int32_t largest_i32(i32x16 v) {
  i32x16 w = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7), larger = w > v;
  v = (larger & w) | (~larger & v);
  w = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3), larger = w > v;
  v = (larger & w) | (~larger & v);
  int32_t a = v[2] > v[0] ? v[2] : v[0], b = v[3] > v[1] ? v[3] : v[1];
  return b > a ? b : a;
}

// Whether any bit is set.
LCK_INLINE _Bool is_any(i32x16 v) {
  typedef uint64_t u64x8 __attribute__((vector_size(64)));
  u64x8 q = (u64x8)v;
  q |= __builtin_shufflevector(q, q, 4, 5, 6, 7, 0, 1, 2, 3);
  return ((q[0] | q[1]) | (q[2] | q[3])) != 0;
}

// Lanes of x and y in blocks of 8, 4, 2 or 1: the even blocks of both in turn, and the odd ones.
#define LCK_EVEN_8(x, y) \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define LCK_ODD_8(x, y) \
  __builtin_shufflevector(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define LCK_EVEN_4(x, y) \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define LCK_ODD_4(x, y) \
  __builtin_shufflevector(x, y, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define LCK_EVEN_2(x, y) \
  __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define LCK_ODD_2(x, y) \
  __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define LCK_EVEN_1(x, y) \
  __builtin_shufflevector(x, y, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define LCK_ODD_1(x, y) \
  __builtin_shufflevector(x, y, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)

// Sums of neighbouring blocks of x and y: one step on the way to the sums of whole vectors.
#define LCK_FOLD(x, y, width) (LCK_EVEN_##width(x, y) + LCK_ODD_##width(x, y))

// The sums of the halves of eight vectors: the low halves as lanes 0...7, the high ones as lanes 8...15.
LCK_INLINE i32x16 sum_halves(const i32x16 *v) {
  i32x16 b[4], c[2];
  LCK_UNROLL for (int i = 0; i < 4; i++) b[i] = LCK_FOLD(v[i], v[i + 4], 4);
  LCK_UNROLL for (int i = 0; i < 2; i++) c[i] = LCK_FOLD(b[i], b[i + 2], 2);
  return LCK_FOLD(c[0], c[1], 1);
}

// The canonical sum of each of sixteen vectors.
LCK_INLINE f32x16 sum_each(const f32x16 *v) {
  f32x16 a[8], b[4], c[2];
  LCK_UNROLL for (int i = 0; i < 8; i++) a[i] = LCK_FOLD(v[i], v[i + 8], 8);
  LCK_UNROLL for (int i = 0; i < 4; i++) b[i] = LCK_FOLD(a[i], a[i + 4], 4);
  LCK_UNROLL for (int i = 0; i < 2; i++) c[i] = LCK_FOLD(b[i], b[i + 2], 2);
  return LCK_FOLD(c[0], c[1], 1);
}

#define LCK_SWAP(x, y, width)                                                          \
  do {                                                                                 \
    i32x16 even = LCK_EVEN_##width(x, y);                                              \
    y = LCK_ODD_##width(x, y);                                                         \
    x = even;                                                                          \
  } while (0)

// Exchanges rows and columns of sixteen vectors.
LCK_INLINE void transpose(i32x16 *v) {
  LCK_UNROLL for (int i = 0; i < 8; i++) LCK_SWAP(v[i], v[i + 8], 8);
  LCK_UNROLL for (int i = 0; i < 16; i += 8) {
    LCK_UNROLL for (int j = i; j < i + 4; j++) LCK_SWAP(v[j], v[j + 4], 4);
  }
  LCK_UNROLL for (int i = 0; i < 16; i += 4) {
    LCK_UNROLL for (int j = i; j < i + 2; j++) LCK_SWAP(v[j], v[j + 2], 2);
  }
  LCK_UNROLL for (int i = 0; i < 16; i += 2) LCK_SWAP(v[i], v[i + 1], 1);
}

// The canonical dot product: lane = index mod 16, the last vector padded with zeros.
LCK_INLINE float dot(const float *a, const float *b, size_t n) {
  f32x16 acc = {0};
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) acc = fused(load(a + i), load(b + i), acc);
  if (i < n) acc = fused(load_part(a + i, n - i, 0), load_part(b + i, n - i, 0), acc);
  return sum(acc);
}

#endif
