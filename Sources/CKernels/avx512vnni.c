// AVX-512 with VNNI: `vpdpbusd` multiplies unsigned by signed bytes, exactly.
#if defined(__x86_64__)

#include <immintrin.h>

#define LCK_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#include "vector/vector.h"

#define LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  return (f32x16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

#define LCK_NARROWS_HALVES
LCK_INLINE u16x16 nearest_halves(f32x16 x) { return (u16x16)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT); }

// In one instruction that spreads x as it is loaded, at no cost: compilers load it into a register, which takes as
// long as an addition.
#define LCK_MULTIPLIES_MEMORY
LCK_INLINE f32x16 times(f32x16 v, const float *x) {
  f32x16 product;
  __asm__("vmulps %2%{1to16%}, %1, %0" : "=v"(product) : "v"(v), "m"(*x));
  return product;
}

#define LCK_LOOKS_UP_POWERS
#include "vector/exponential.h"

// The table in four registers: two look-ups of sixteen entries, and a choice by the index's highest bit.
LCK_INLINE f64x8 powers_at(u64x8 index) {
  const double *t = powers_of_two;
  __m512i i = (__m512i)index;
  __m512d low = _mm512_permutex2var_pd(_mm512_loadu_pd(t), i, _mm512_loadu_pd(t + 8));
  __m512d high = _mm512_permutex2var_pd(_mm512_loadu_pd(t + 16), i, _mm512_loadu_pd(t + 24));
  return (f64x8)_mm512_mask_blend_pd(_mm512_test_epi64_mask(i, _mm512_set1_epi64(16)), low, high);
}

// Up to sixteen of the registers are sums.
#define LCK_SCORE_BLOCKS(rows) 4
#define LCK_VALUE_VECTORS(rows) ((rows) == 1 ? 8 : 4)
#include "attention/attention.h"

#define LCK_TILE_ROWS 4
#define LCK_TILE_TOKENS 4
#include "products/matmul_f32.h"

// How far ahead, into the second-level cache; one line of two, as its neighbour comes along.
enum { prefetch_bytes = 8192 };

// w becomes w + 128 to be the unsigned side; `offsets` take what that adds away.
#define LCK_W_FLIP ((int32_t)0x80808080)
#ifndef LCK_STREAM_TOKENS
#define LCK_STREAM_TOKENS 3
#endif
#define LCK_PANEL_WIDTH 16
#define LCK_PANEL_ROWS 32
#ifndef LCK_TILE_TOKENS_Q80
#define LCK_TILE_TOKENS_Q80 6
#endif

LCK_INLINE i32x16 dot_step(i32x16 acc, i32x16 w, int32_t x) {
  return (i32x16)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(x));
}

// acc + the products of 32 weights and inputs, in eight lanes.
LCK_INLINE __m256i dot_32(__m256i acc, const int8_t *w, const int8_t *x) {
  __m256i flipped = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)w), _mm256_set1_epi32(LCK_W_FLIP));
  return _mm256_dpbusd_epi32(acc, flipped, _mm256_loadu_si256((const __m256i *)x));
}

LCK_INLINE __m256i group_sum(const int8_t *w, const int8_t *x, const size_t group) {
  __m256i sum = dot_32(_mm256_setzero_si256(), w, x);
  return group == 64 ? dot_32(sum, w + 32, x + 32) : sum;
}

// A group's sum starts in eight lanes, as that leaves fewer to bring together than sixteen; then a tree of
// additions.
LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  i32x16 pairs[8];
  LCK_UNROLL for (size_t i = 0; i < 16; i += 2) {
    __m256i even = _mm256_setzero_si256(), odd = even;
    if (i < count) even = group_sum(w + i * group, x + i * group, group);
    if (i + 1 < count) odd = group_sum(w + (i + 1) * group, x + (i + 1) * group, group);
    // One line of two, as its neighbour comes along.
    if (group == 64 || i % 4 == 0) _mm_prefetch((const char *)w + i * group + prefetch_bytes, _MM_HINT_T1);
    pairs[i / 2] = (i32x16)_mm512_inserti64x4(_mm512_castsi256_si512(even), odd, 1);
  }
  i32x16 halves = sum_halves(pairs);
  halves = __builtin_shufflevector(halves, halves, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  return halves - load_i32(offsets);
}

#include "products/matmul_q80.h"

#define LCK_PEAK_CHAINS 12
#include "products/peak.h"

const lck_kernels lck_avx512vnni = LCK_TABLE("avx512vnni", matmul_q80, peak_q80, peak_f32);

#endif
