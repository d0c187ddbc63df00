// Half-precision floats: rounding to them, and widening where the instruction set has no conversion of its own.
#ifndef LLAMA_CHAT_HALF_H
#define LLAMA_CHAT_HALF_H

#include "vector.h"

// Rounds to the nearest half, ties to even. What has no finite half, from 65520 on, becomes NaN, as do infinity
// and NaN: too large a number is noticed as damage instead of being taken for another.
LCK_INLINE u16x16 narrow_to_halves(f32x16 x) {
#ifdef LCK_NARROWS_HALVES
  u16x16 half = nearest_halves(x);
  u16x16 is_special = (u16x16)((half & 0x7fff) >= 0x7c00);
  return (is_special & ((half & 0x8000) | 0x7e00)) | (~is_special & half);
#else
  i32x16 bits = (i32x16)x, magnitude = bits & 0x7fffffff;
  // Normal: the exponent's bias from 127 to 15, and half of the last place, less a bit unless that place is odd.
  i32x16 normal = (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // Subnormal, below 2^-14: the sum with 0.5 has the half's last place as its own, and is rounded as it should.
  i32x16 small = (i32x16)((f32x16)magnitude + 0.5f) - 0x3f000000;
  i32x16 is_small = magnitude < 0x38800000, is_too_large = magnitude >= 0x477ff000;
  i32x16 half = (is_small & small) | (~is_small & normal);
  half = (is_too_large & 0x7e00) | (~is_too_large & half);
  half |= (bits >> 16) & 0x8000;
  return __builtin_convertvector(half & 0xffff, u16x16);
#endif
}

#ifndef LCK_WIDENS_HALVES
LCK_INLINE f32x16 widen_halves(const uint16_t *from) {
  u16x16 halves;
  memcpy(&halves, from, sizeof halves);
  i32x16 bits = __builtin_convertvector(halves, i32x16);
  i32x16 magnitude = bits & 0x7fff;
  // Exponent and fraction in a float's places are the half's value but for 2^112, subnormal or not.
  f32x16 value = (f32x16)(magnitude << 13) * 0x1p112f;
  i32x16 is_special = magnitude >= 0x7c00;
  i32x16 widened = (i32x16)value | (is_special & 0x7f800000);
  return (f32x16)(widened | ((bits & 0x8000) << 16));
}
#endif

#endif
