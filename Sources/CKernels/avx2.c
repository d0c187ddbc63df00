// AVX2 with FMA and half-precision conversions (F16C).
#if defined(__x86_64__)

#include <immintrin.h>

#define LCK_TARGET __attribute__((target("avx2,fma,f16c")))
#include "vector.h"

#define LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  __m256 halves[2] = {
      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from)),
      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from + 1)),
  };
  f32x16 both;
  memcpy(&both, halves, sizeof both);
  return both;
}

// Of a tile's vectors, each two registers, eight are sums.
#define LCK_SCORE_BLOCKS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define LCK_VALUE_VECTORS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#include "attention.h"

#define LCK_TILE_ROWS 3
#define LCK_TILE_TOKENS 2
#include "matmul_f32.h"

enum { prefetch_bytes = 8192 };  // into the second-level cache

// Panels hold int16 pairs for `vpmaddwd`: exact for any int8, and as fast as bytes without VNNI.
#define LCK_X_FLIP 0
#define LCK_STREAM_TOKENS 8
#define LCK_DWORD_BYTES 2
#define LCK_PANEL_WIDTH 8
#define LCK_PANEL_ROWS 16
#define LCK_TILE_TOKENS_Q80 4

LCK_INLINE i32x16 dwords(const int8_t *from) {
  __m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
  __m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from + 1));
  i32x16 both;
  memcpy(&both, &low, sizeof low);
  memcpy((char *)&both + sizeof low, &high, sizeof high);
  return both;
}

typedef int32_t i32x8 __attribute__((vector_size(32)));

LCK_INLINE i32x8 dot_step(i32x8 acc, i32x8 w, int32_t x) {
  return acc + (i32x8)_mm256_madd_epi16((__m256i)w, _mm256_set1_epi32(x));
}

// 32 products as 8 sums. |w| * (x with the sign of w) suits the unsigned side of vpmaddubsw, and
// 128 * 127 * 2 fits its int16 even for w = -128.
LCK_INLINE __m256i products(const int8_t *w, const int8_t *x) {
  __m256i wi = _mm256_loadu_si256((const __m256i *)w);
  __m256i xi = _mm256_loadu_si256((const __m256i *)x);
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(wi), _mm256_sign_epi8(xi, wi));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// The sums of 8 groups, the ones from `count` on zero.
LCK_INLINE __m256i eight_sums(const int8_t *w, const int8_t *x, size_t count, const size_t group) {
  __m256i v[8];
  LCK_UNROLL for (size_t i = 0; i < 8; i++) {
    v[i] = _mm256_setzero_si256();
    if (i < count) {
      v[i] = products(w + i * group, x + i * group);
      if (group == 64) v[i] = _mm256_add_epi32(v[i], products(w + i * 64 + 32, x + i * 64 + 32));
      if (group == 64 || i % 2 == 0) _mm_prefetch((const char *)w + i * group + prefetch_bytes, _MM_HINT_T1);
    }
  }
  __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

LCK_INLINE i32x16 group_sums(const int8_t *w, const int8_t *x, const int32_t *offsets, size_t count,
                             const size_t group) {
  (void)offsets;
  __m256i halves[2] = {eight_sums(w, x, count, group), _mm256_setzero_si256()};
  if (count > 8) halves[1] = eight_sums(w + 8 * group, x + 8 * group, count - 8, group);
  return load_i32(halves);
}

LCK_INLINE void x_offsets(int32_t *offsets, const int8_t *x, size_t count, const size_t group) {
  (void)offsets, (void)x, (void)count, (void)group;
}

#include "matmul_q80.h"

const lck_kernels lck_avx2 = LCK_TABLE("avx2", matmul_q80);

#endif
