// What all kernels share. The arithmetic is that of CKernels, operation by operation, so that a device which
// rounds as IEEE 754 says and has doubles computes the processors' bits: nothing is fused but where fma() says so,
// and each sum has the order given there.
//
// Programs are built for a kind of model, with these macros; sizes that cost nothing are arguments, so that models
// share programs:
//   GROUP_SIZE   elements of an int8 group; not defined for floats
//   HALF_WEIGHTS matrices of floats are kept as halves
//   WIDTH        lanes of a sum of floats that a work item carries: 1 suits GPUs, a vector's processors
//   HEAD_SIZE, QUERY_GROUP, KV_TYPE  for attention: elements of a head, query heads of a KV head, and how keys and
//                values are kept: 0 floats, 1 halves, 2 int8 with scales
//   BATCH        built for many tokens at once, instead of one
//   HAS_DOUBLE   the device has doubles
#pragma OPENCL FP_CONTRACT OFF
// A kernel of work groups of that many items: told so, a compiler makes that one form and no other.
#define KERNEL(items) __kernel __attribute__((reqd_work_group_size(items, 1, 1))) void
#ifdef HAS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

// e^x with the bits of the GNU C library's expf; see CKernels/exponential.h.
#ifdef HAS_DOUBLE
__constant double powers_of_two[32] = {
    0x1.0000000000000p0, 0x1.059b0d3158574p0, 0x1.0b5586cf9890fp0, 0x1.11301d0125b51p0,
    0x1.172b83c7d517bp0, 0x1.1d4873168b9aap0, 0x1.2387a6e756238p0, 0x1.29e9df51fdee1p0,
    0x1.306fe0a31b715p0, 0x1.371a7373aa9cbp0, 0x1.3dea64c123422p0, 0x1.44e086061892dp0,
    0x1.4bfdad5362a27p0, 0x1.5342b569d4f82p0, 0x1.5ab07dd485429p0, 0x1.6247eb03a5585p0,
    0x1.6a09e667f3bcdp0, 0x1.71f75e8ec5f74p0, 0x1.7a11473eb0187p0, 0x1.82589994cce13p0,
    0x1.8ace5422aa0dbp0, 0x1.93737b0cdc5e5p0, 0x1.9c49182a3f090p0, 0x1.a5503b23e255dp0,
    0x1.ae89f995ad3adp0, 0x1.b7f76f2fb5e47p0, 0x1.c199bdd85529cp0, 0x1.cb720dcef9069p0,
    0x1.d5818dcfba487p0, 0x1.dfc97337b9b5fp0, 0x1.ea4afa2a490dap0, 0x1.f50765b6e4540p0,
};

float exponential(float narrow) {
  if (narrow < -104.0f) narrow = -104.0f;
  if (narrow > 89.0f) narrow = 89.0f;
  const double per_step = 0x1.71547652b82fep+0 * 32;  // 32 / ln 2
  const double round = 0x1.8p52;  // adding it leaves the nearest integer in the low bits
  double x = narrow;
  double shifted = fma(x, per_step, round);
  ulong k = as_ulong(shifted);
  double r = fma(x, per_step, round - shifted);
  ulong index = k & 31;
  double scale = as_double(as_ulong(powers_of_two[index]) + ((k - index) << 47));
  double high = fma(0x1.c6af84b912394p-20, r, 0x1.ebfce50fac4f3p-13);
  double low = fma(0x1.62e42ff0c52d6p-6, r, 1.0);
  return (float)(fma(high, r * r, low) * scale);
}
#else
float exponential(float x) { return exp(x); }
#endif
