// AVX2 with FMA and half-precision conversions (F16C).
#if defined(__x86_64__)

#include <immintrin.h>

#define LCK_TARGET __attribute__((target("avx2,fma,f16c")))
#include "vector/vector.h"

#define LCK_W_FLIP 0

// |w| * (x with the sign of w) suits the unsigned side of vpmaddubsw, and 128 * 127 * 2 fits its int16 even for
// w = -128.
LCK_INLINE __m256i dot_bytes(__m256i acc, __m256i w, __m256i x) {
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#include "avx2.h"

const lck_kernels lck_avx2 = LCK_TABLE("avx2", matmul_q80, peak_q80, peak_f32);

#endif
