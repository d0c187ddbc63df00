// How fast an instruction set can multiply and add when nothing but registers is involved: the limit that prefill
// is measured against.
#ifndef LLAMA_CHAT_PEAK_H
#define LLAMA_CHAT_PEAK_H

#include "panels_q80.h"
#include "../vector/vector.h"

// The products of a lane of dot_step.
#ifndef LCK_PEAK_BYTES
#define LCK_PEAK_BYTES 4
#endif

// As many chains as hide the latency and leave registers for the operands.
enum { peak_chains = LCK_PEAK_CHAINS, peak_f32_chains = (LCK_PEAK_CHAINS * LCK_PANEL_WIDTH + lanes - 1) / lanes };

// Keeps what led to a value from being optimised away.
static inline void peak_keep(float value) {
  volatile float kept = value;
  (void)kept;
}

static LCK_TARGET size_t peak_q80(size_t rounds) {
  i32xp acc[peak_chains] = {{0}}, w = (i32xp){0} + 0x01020304;
  for (size_t i = 0; i < rounds; i++) {
    w ^= (int32_t)i;  // else a part of the step would be the same each time, and done once
    LCK_UNROLL for (size_t j = 0; j < peak_chains; j++) acc[j] = dot_step(acc[j], w, 0x01010101 * (int32_t)(j + 1));
  }
  LCK_UNROLL for (size_t j = 1; j < peak_chains; j++) acc[0] += acc[j];
  peak_keep((float)acc[0][0]);
  return rounds * peak_chains * LCK_PANEL_WIDTH * LCK_PEAK_BYTES;
}

static LCK_TARGET size_t peak_f32(size_t rounds) {
  f32x16 acc[peak_f32_chains] = {{0}}, w = splat((float)rounds), x = splat(0.25f);
  for (size_t i = 0; i < rounds; i++) {
    LCK_UNROLL for (size_t j = 0; j < peak_f32_chains; j++) acc[j] = fused(w, x, acc[j]);
  }
  LCK_UNROLL for (size_t j = 1; j < peak_f32_chains; j++) acc[0] += acc[j];
  peak_keep(acc[0][0]);
  return rounds * peak_f32_chains * lanes;
}

#endif
