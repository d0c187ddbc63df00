// AVX2, FMA and F16C with VNNI, as laptops without AVX-512 have it: `vpdpbusd` multiplies unsigned by signed bytes,
// exactly.
#if defined(__x86_64__)

#include <immintrin.h>

// Where a check is built for a CPU that has the instruction in the encoding of AVX-512 only.
#ifdef LCK_VNNI_OF_AVX512
#define LCK_TARGET __attribute__((target("avx2,fma,f16c,avx512vl,avx512vnni")))
#define LCK_DPBUSD _mm256_dpbusd_epi32
#else
#define LCK_TARGET __attribute__((target("avx2,fma,f16c,avxvnni")))
#define LCK_DPBUSD _mm256_dpbusd_avx_epi32
#endif
#include "vector/vector.h"

// w becomes w + 128 to be the unsigned side; `offsets` take what that adds away.
#define LCK_W_FLIP ((int32_t)0x80808080)

LCK_INLINE __m256i dot_bytes(__m256i acc, __m256i w, __m256i x) { return LCK_DPBUSD(acc, w, x); }

#include "avx2.h"

const lck_kernels lck_avxvnni = LCK_TABLE("avxvnni", matmul_q80, peak_q80, peak_f32);

#endif
