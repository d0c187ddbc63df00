// The definition: what every other table must compute, bit by bit.
#define LCK_TARGET

#define LCK_SCORE_BLOCKS(rows) ((rows) == 1 ? 2 : 1)
#define LCK_VALUE_VECTORS(rows) ((rows) == 1 ? 2 : 1)
#include "attention/attention.h"
#include "tables.h"

static void matmul_f32(float *out, size_t out_stride, const float *w, const float *x, size_t rows,
                       size_t n, size_t tokens) {
  for (size_t t = 0; t < tokens; t++) {
    for (size_t r = 0; r < rows; r++) out[t * out_stride + r] = dot(w + r * n, x + t * n, n);
  }
}

static float scaled_sum(const int8_t *w, const int8_t *xq, size_t n, float ws, float xs) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; i++) sum += w[i] * xq[i];
  return ((float)sum * ws) * xs;
}

void lck_scalar_matmul_q80(float *out, size_t out_stride, const int8_t *w, const float *ws,
                           const lck_quantized *x, size_t rows, size_t n, size_t group, size_t tokens) {
  size_t groups = n / group;
  for (size_t t = 0; t < tokens; t++) {
    for (size_t r = 0; r < rows; r++) {
      float acc = 0;
      for (size_t g = 0; g < groups; g++) {
        acc += scaled_sum(w + r * n + g * group, x->values + t * x->stride + g * group, group, ws[r * groups + g],
                          x->scales[t * groups + g]);
      }
      out[t * out_stride + r] = acc;
    }
  }
}

// Columns are taken in runs that cross neither a group of w, which starts anywhere in a row, nor one of x.
void lck_matmul_q80_straddling(float *out, size_t out_stride, const int8_t *w, const float *ws,
                               const lck_quantized *x, size_t row0, size_t rows, size_t n, size_t group,
                               size_t tokens) {
  size_t x_groups = (n + group - 1) / group;
  for (size_t t = 0; t < tokens; t++) {
    for (size_t r = 0; r < rows; r++) {
      float acc = 0;
      for (size_t column = 0, end; column < n; column = end) {
        size_t index = (row0 + r) * n + column;
        size_t w_run = group - index % group, x_run = group - column % group;
        end = column + (w_run < x_run ? w_run : x_run);
        if (end > n) end = n;
        acc += scaled_sum(w + index, x->values + t * x->stride + column, end - column, ws[index / group],
                          x->scales[t * x_groups + column / group]);
      }
      out[t * out_stride + r] = acc;
    }
  }
}

const lck_kernels lck_scalar = LCK_TABLE("scalar", lck_scalar_matmul_q80, NULL, NULL);
