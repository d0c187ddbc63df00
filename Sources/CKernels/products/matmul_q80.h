// The int8 matrix product of one instruction set, around the few operations its file provides:
//
//   group_sums(w, x, offsets, count, group)  exact sums of up to 16 groups of 64 or 32 products
//   dot_step(acc, w, x)                      acc + the four products of each lane of w and of the dword x
//   LCK_W_FLIP                               what is xor-ed to w's dwords for dot_step; if not 0, w gains 128
//
// A token or a few (LCK_STREAM_TOKENS) read the weights as one sequential stream; more share panels of rows.
#ifndef LLAMA_CHAT_MATMUL_Q80_H
#define LLAMA_CHAT_MATMUL_Q80_H

#include "panels_q80.h"
#include "stream_q80.h"
#include "../tables.h"

static LCK_TARGET void matmul_q80(float *out, size_t out_stride, const int8_t *w, const float *ws,
                                  const lck_quantized *x, size_t rows, size_t n, size_t group, size_t tokens) {
  if (group % 4 != 0 || group > slab_bytes) {
    lck_scalar_matmul_q80(out, out_stride, w, ws, x, rows, n, group, tokens);
  } else if (tokens <= LCK_STREAM_TOKENS && (group == 64 || group == 32) && n / group <= stream_groups) {
    stream_q80(out, out_stride, w, ws, x, rows, n, group, tokens);
  } else {
    for (size_t t = 0; t < tokens; t += block_tokens) {
      panels_q80(out + t * out_stride, out_stride, w, ws, x, t, rows, n, group, smaller(tokens - t, block_tokens));
    }
  }
}

#endif
