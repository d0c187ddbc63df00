// AVX-512 with VNNI: `vpdpbusd` multiplies unsigned by signed bytes, exactly.
#if defined(__x86_64__)

#include <immintrin.h>

#define LCK_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#include "vector.h"

#define LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  return (f32x16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

#define LCK_LOOKS_UP_POWERS
#include "exponential.h"

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
#include "attention.h"

#define LCK_TILE_ROWS 4
#define LCK_TILE_TOKENS 4
#include "matmul_f32.h"

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

// Each group's sum starts in 64 / 4 or 32 / 4 lanes; a tree of additions brings them together.
LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  const __m512i bias = _mm512_set1_epi8(-128);
  i32x16 v[16];
  LCK_UNROLL for (size_t i = 0; i < group / 4; i++) {
    __m512i acc = _mm512_setzero_si512();
    if (count == 16 || i * 64 < count * group) {
      size_t bytes = count * group - i * 64;
      __mmask64 used = count == 16 || bytes >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << bytes) - 1;
      __m512i wi = _mm512_xor_si512(_mm512_maskz_loadu_epi8(used, w + i * 64), bias);
      __m512i xi = _mm512_maskz_loadu_epi8(used, x + i * 64);
      if (i % 2 == 0) _mm_prefetch((const char *)w + i * 64 + prefetch_bytes, _MM_HINT_T1);
      acc = _mm512_dpbusd_epi32(acc, wi, xi);
    }
    v[i] = (i32x16)acc;
  }
  if (group == 64) return sum_each(v) - load_i32(offsets);
  i32x16 halves = sum_halves(v);
  return __builtin_shufflevector(halves, halves, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
         - load_i32(offsets);
}

#include "matmul_q80.h"

#define LCK_PEAK_CHAINS 12
#include "peak.h"

const lck_kernels lck_avx512vnni = LCK_TABLE("avx512vnni", matmul_q80, peak_q80, peak_f32);

#endif
