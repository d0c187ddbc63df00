// The tables that exist on each architecture; dispatch.c picks among them.
#ifndef LLAMA_CHAT_TABLES_H
#define LLAMA_CHAT_TABLES_H

#include "CKernels.h"

extern const lck_kernels lck_scalar;

// The matrix product of `lck_scalar`, for group sizes that have no faster form.
void lck_scalar_matmul_q80(float *out, size_t out_stride, const int8_t *w, const float *ws,
                           const lck_quantized *x, size_t rows, size_t n, size_t group, size_t tokens);

#if defined(__x86_64__)
extern const lck_kernels lck_avx2;
extern const lck_kernels lck_avx512vnni;
extern const lck_kernels lck_avxvnni;
#elif defined(__aarch64__)
extern const lck_kernels lck_neon;
extern const lck_kernels lck_neoni8mm;
#endif

#endif
