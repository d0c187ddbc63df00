// AVX-512 with VNNI: `vpdpbusd` multiplies unsigned by signed bytes, exactly.
#if defined(__x86_64__)

#include <immintrin.h>

#define LCK_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define LCK_SHUFFLES_DOUBLES
#include "elementwise.h"

#define LCK_TILE_ROWS 4
#define LCK_TILE_TOKENS 4
#include "matmul_f32.h"

// How far ahead, into the second-level cache; one line of two, as its neighbour comes along.
enum { prefetch_bytes = 8192 };

// x offered as x + 128 to be the unsigned side.
#define LCK_X_FLIP ((int32_t)0x80808080)
#define LCK_STREAM_TOKENS 4
#define LCK_DWORD_BYTES 4
#define LCK_PANEL_WIDTH 16
#define LCK_PANEL_ROWS 32
#define LCK_TILE_TOKENS_Q80 8

LCK_INLINE i32x16 dwords(const int8_t *from) { return load_i32(from); }

LCK_INLINE i32x16 dot_step(i32x16 acc, i32x16 w, int32_t x) {
  return (i32x16)_mm512_dpbusd_epi32((__m512i)acc, _mm512_set1_epi32(x), (__m512i)w);
}

// The sums of (w + 128) * x; where `w` is NULL, of 128 * x.
LCK_INLINE i32x16 biased_sums(const int8_t *w, const int8_t *x, size_t count, const size_t group) {
  const __m512i bias = _mm512_set1_epi8(-128);
  i32x16 v[16];
  LCK_UNROLL for (size_t i = 0; i < group / 4; i++) {
    __m512i acc = _mm512_setzero_si512();
    if (count == 16 || i * 64 < count * group) {
      size_t bytes = count * group - i * 64;
      __mmask64 used = count == 16 || bytes >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << bytes) - 1;
      __m512i xi = _mm512_maskz_loadu_epi8(used, x + i * 64);
      __m512i wi = bias;
      if (w) {
        wi = _mm512_xor_si512(_mm512_maskz_loadu_epi8(used, w + i * 64), bias);
        if (i % 2 == 0) _mm_prefetch((const char *)w + i * 64 + prefetch_bytes, _MM_HINT_T1);
      }
      acc = _mm512_dpbusd_epi32(acc, wi, xi);
    }
    v[i] = (i32x16)acc;
  }
  if (group == 64) return sum_each(v);
  i32x16 halves = sum_halves(v);
  return __builtin_shufflevector(halves, halves, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  return biased_sums(w, x, count, group) - load_i32(offsets);
}

LCK_INLINE void x_offsets(int32_t *offsets, const int8_t *x, size_t count, const size_t group) {
  for (size_t g = 0; g < count; g += lanes) {
    i32x16 sums = biased_sums(NULL, x + g * group, count - g < lanes ? count - g : (size_t)lanes, group);
    memcpy(offsets + g, &sums, sizeof sums);
  }
}

#include "matmul_q80.h"

const lck_kernels lck_avx512vnni = LCK_TABLE("avx512vnni", matmul_q80);

#endif
