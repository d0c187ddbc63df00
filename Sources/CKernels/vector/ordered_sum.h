// Sums of floats in the order they stand in, every step rounded, and yet many at a time: those of several rows side
// by side, or a single one.
//
// While the total of a single one stays between two powers of two it is a whole number of some unit, 2^23 to 2^24 of
// them, and adding x rounds x to whole units, whatever the total. So the rounded terms may be added as integers, in any
// order. Two kinds of blocks are added one by one: where the total passes a power of two, and where a term ends in
// exactly half a unit, as that is rounded to make the total even.
#ifndef LLAMA_CHAT_ORDERED_SUM_H
#define LLAMA_CHAT_ORDERED_SUM_H

#include "vector.h"

enum { sum_vectors = 8, sum_block = sum_vectors * lanes };

// Adds a block to the total if it can be done at once.
LCK_INLINE _Bool add_block(float *total, const float *x) {
  const float two_23 = 8388608;
  const uint32_t hidden_bit = 1u << 23;
  uint32_t bits;
  memcpy(&bits, total, sizeof bits);
  // Far from underflow, infinity and NaN, and not negative.
  uint32_t exponent = bits >> 23;
  if (exponent < 64 || exponent > 190) return 0;
  uint32_t scale_bits = (127 + 127 + 23 - exponent) << 23;
  float units;  // to the one
  memcpy(&units, &scale_bits, sizeof units);

  i32x16 sums = {0}, refused = {0};
  LCK_UNROLL for (size_t v = 0; v < sum_vectors; v++) {
    f32x16 term = load(x + v * lanes) * units;
    f32x16 shifted = term + two_23;  // its low bits are the nearest whole number
    i32x16 rest = (i32x16)(term - (shifted - two_23)) & 0x7fffffff;
    refused |= ~(term < two_23 / 2) | (rest == 0x3f000000);
    sums += (i32x16)shifted & (int32_t)(hidden_bit - 1);
  }
  if (is_any(refused)) return 0;
  uint32_t whole = (bits & (hidden_bit - 1)) + (uint32_t)sum_i32(sums);
  if (whole >= hidden_bit) return 0;
  bits = exponent << 23 | whole;
  memcpy(total, &bits, sizeof bits);
  return 1;
}

// ((start + x[0]) + x[1]) + ..., where no term is negative.
static LCK_TARGET float ordered_sum(float start, const float *x, size_t n) {
  float total = start;
  size_t i = 0;
  while (n - i >= sum_block) {
    if (!add_block(&total, x + i)) {
      for (size_t j = i; j < i + sum_block; j++) total += x[j];
    }
    i += sum_block;
  }
  for (; i < n; i++) total += x[i];
  return total;
}

// The sums of the first n values of up to sixteen rows: lane = row, so that each adds up in its order. Whole vectors
// are read, and sixteen sums written.
LCK_INLINE void ordered_sums(float *sums, const float *x, size_t stride, size_t rows, size_t n) {
  f32x16 acc = {0};
  for (size_t i = 0; i < n; i += lanes) {
    i32x16 block[lanes];
    LCK_UNROLL for (size_t r = 0; r < lanes; r++) block[r] = load_i32(x + (r < rows ? r : 0) * stride + i);
    transpose(block);
    if (n - i >= lanes) {
      LCK_UNROLL for (size_t p = 0; p < lanes; p++) acc += (f32x16)block[p];
    } else {
      for (size_t p = 0; p < n - i; p++) acc += (f32x16)block[p];
    }
  }
  store(sums, acc);
}

#endif
