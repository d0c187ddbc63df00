// e^x for sixteen floats, the same bits as expf of the GNU C library (which follows ARM's optimized routines).
//
// x = ln 2 / 32 * (k + r) with an integer k and |r| <= 1/2, so e^x = 2^(k / 32) * 2^(r / 32): a table of
// 32 powers, an exponent, and a cubic in r. All in double precision, rounded to float once; the error stays
// below 0.502 ulp.
#ifndef LLAMA_CHAT_EXPONENTIAL_H
#define LLAMA_CHAT_EXPONENTIAL_H

#include "vector.h"

typedef float f32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef uint64_t u64x8 __attribute__((vector_size(64)));

enum { power_count = 32, power_bits = 5 };

// 2^(i / 32)
static const double powers_of_two[power_count] = {
    0x1.0000000000000p0, 0x1.059b0d3158574p0, 0x1.0b5586cf9890fp0, 0x1.11301d0125b51p0,
    0x1.172b83c7d517bp0, 0x1.1d4873168b9aap0, 0x1.2387a6e756238p0, 0x1.29e9df51fdee1p0,
    0x1.306fe0a31b715p0, 0x1.371a7373aa9cbp0, 0x1.3dea64c123422p0, 0x1.44e086061892dp0,
    0x1.4bfdad5362a27p0, 0x1.5342b569d4f82p0, 0x1.5ab07dd485429p0, 0x1.6247eb03a5585p0,
    0x1.6a09e667f3bcdp0, 0x1.71f75e8ec5f74p0, 0x1.7a11473eb0187p0, 0x1.82589994cce13p0,
    0x1.8ace5422aa0dbp0, 0x1.93737b0cdc5e5p0, 0x1.9c49182a3f090p0, 0x1.a5503b23e255dp0,
    0x1.ae89f995ad3adp0, 0x1.b7f76f2fb5e47p0, 0x1.c199bdd85529cp0, 0x1.cb720dcef9069p0,
    0x1.d5818dcfba487p0, 0x1.dfc97337b9b5fp0, 0x1.ea4afa2a490dap0, 0x1.f50765b6e4540p0,
};

// The entries of the table; a file that has something faster defines LCK_LOOKS_UP_POWERS.
#ifndef LCK_LOOKS_UP_POWERS
LCK_INLINE f64x8 powers_at(u64x8 index) {
  f64x8 powers;
  LCK_UNROLL for (size_t i = 0; i < 8; i++) powers[i] = powers_of_two[index[i]];
  return powers;
}
#else
LCK_INLINE f64x8 powers_at(u64x8 index);
#endif

// a * b + c, rounded once.
LCK_INLINE f64x8 fused_f64(f64x8 a, f64x8 b, f64x8 c) {
#ifdef __clang__
  return __builtin_elementwise_fma(a, b, c);
#else
  for (size_t i = 0; i < 8; i++) c[i] = __builtin_fma(a[i], b[i], c[i]);
  return c;
#endif
}

LCK_INLINE f32x8 exponential_half(f32x8 narrow) {
  const f64x8 zero = {0};
  const f64x8 per_step = zero + 0x1.71547652b82fep+0 * power_count;  // 32 / ln 2
  const f64x8 round = zero + 0x1.8p52;  // adding it leaves the nearest integer in the low bits
  f64x8 x = __builtin_convertvector(narrow, f64x8);
  f64x8 shifted = fused_f64(x, per_step, round);
  u64x8 k = (u64x8)shifted;
  f64x8 r = fused_f64(x, per_step, round - shifted);

  u64x8 index = k & (power_count - 1);
  f64x8 scale = (f64x8)((u64x8)powers_at(index) + ((k - index) << (52 - power_bits)));

  // 2^(r / 32) = 1 + c2 r + c1 r^2 + c0 r^3
  f64x8 high = fused_f64(zero + 0x1.c6af84b912394p-20, r, zero + 0x1.ebfce50fac4f3p-13);
  f64x8 low = fused_f64(zero + 0x1.62e42ff0c52d6p-6, r, zero + 1);
  return __builtin_convertvector(fused_f64(high, r * r, low) * scale, f32x8);
}

// -inf gives 0, everything above 88.8 gives +inf, NaN stays NaN.
LCK_INLINE f32x16 exponential(f32x16 x) {
  x = choose(x < -104.0f, splat(-104.0f), x);
  x = choose(x > 89.0f, splat(89.0f), x);
  f32x8 low = exponential_half(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7));
  f32x8 high = exponential_half(__builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// e^x of x <= 0 in single precision: 2^k * 2^f with an integer k and |f| <= 1/2, the latter by a polynomial whose
// relative error is below 1e-7. Below 2^-126 it is about that.
LCK_INLINE f32x16 rough_exponential(f32x16 x) {
  const f32x16 round = splat(0x1.8p23f);  // adding it leaves the nearest integer in the low bits
  f32x16 t = x * 0x1.715476p+0f;
  t = choose(t < -126.0f, splat(-126.0f), t);
  f32x16 shifted = t + round;
  f32x16 f = t - (shifted - round);
  f32x16 power = fused(splat(0x1.5bc922p-10f), f, splat(0x1.3d0ba4p-7f));
  power = fused(power, f, splat(0x1.c6b782p-5f));
  power = fused(power, f, splat(0x1.ebf91ap-3f));
  power = fused(power, f, splat(0x1.62e428p-1f));
  power = fused(power, f, splat(1));
  return (f32x16)((i32x16)power + ((i32x16)shifted << 23));
}

#endif
