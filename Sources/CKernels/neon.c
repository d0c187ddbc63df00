// Armv8.2 NEON with dot products: `sdot` multiplies signed bytes, four to a lane, exactly.
#if defined(__aarch64__)

#ifdef __clang__
#define LCK_TARGET __attribute__((target("dotprod")))
#else
#define LCK_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

#include <arm_neon.h>

#include "vector/vector.h"

typedef int32_t i32x4 __attribute__((vector_size(16)));

LCK_INLINE i32x4 dot_step(i32x4 acc, i32x4 w, int32_t x) {
  return (i32x4)vdotq_s32((int32x4_t)acc, (int8x16_t)w, vreinterpretq_s8_s32(vdupq_n_s32(x)));
}

#define LCK_STREAM_TOKENS 4
#define LCK_TILES_Q80 "tiles_dotprod.h"
#include "neon.h"

const lck_kernels lck_neon = LCK_TABLE("neon", matmul_q80, peak_q80, peak_f32);

#endif
