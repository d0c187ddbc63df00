// NEON with dot products and int8 matrices: `smmla` multiplies two rows of eight signed bytes by two others, exactly.
#if defined(__aarch64__)

#ifdef __clang__
#define LCK_TARGET __attribute__((target("dotprod,i8mm")))
#else
#define LCK_TARGET __attribute__((target("arch=armv8.2-a+dotprod+i8mm")))
#endif

#include <arm_neon.h>

#include "vector/vector.h"

typedef int32_t i32x4 __attribute__((vector_size(16)));

LCK_INLINE i32x4 dot_step(i32x4 acc, i32x4 w, int32_t x) {
  return (i32x4)vmmlaq_s32((int32x4_t)acc, (int8x16_t)w, vreinterpretq_s8_s32(vdupq_n_s32(x)));
}

#define LCK_PEAK_BYTES 8
#define LCK_STREAM_TOKENS 2
#define LCK_TILES_Q80 "tiles_i8mm.h"
#include "neon.h"

// Groups that no number of eight bytes fills are left to the dot products.
static LCK_TARGET void matmul_q80_of_pairs(float *out, size_t out_stride, const int8_t *w, const float *ws,
                                           const lck_quantized *x, size_t rows, size_t n, size_t group,
                                           size_t tokens) {
  (group % 8 == 0 ? matmul_q80 : lck_neon.matmul_q80)(out, out_stride, w, ws, x, rows, n, group, tokens);
}

const lck_kernels lck_neoni8mm = LCK_TABLE("neoni8mm", matmul_q80_of_pairs, peak_q80, peak_f32);

#endif
