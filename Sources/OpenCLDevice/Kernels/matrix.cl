// How matrices and the inputs of products are passed and read.
#ifdef GROUP_SIZE
// Int8 groups with a scale each, over the flattened matrix.
#define MATRIX(w) __global const char *w, __global const float *w##_scales
#define PASS(w) w, w##_scales
#define ELEMENT(w, at) ((float)w[at] * w##_scales[(at) / GROUP_SIZE])
#define INPUT __global const char *input, __global const float *input_scales
#define PASS_INPUT input, input_scales
#elif defined(HALF_WEIGHTS)
#define MATRIX(w) __global const half *w
#define PASS(w) w
#define ELEMENT(w, at) vload_half(at, w)
#else
#define MATRIX(w) __global const float *w
#define PASS(w) w
#define ELEMENT(w, at) w[at]
#endif
#ifndef GROUP_SIZE
#define INPUT __global const float *input
#define PASS_INPUT input
#endif

#ifdef HALF_WEIGHTS
// Floats of a file to the halves that are kept.
__kernel void to_halves(__global half *out, ulong first, __global const float *from, ulong count) {
  const ulong i = get_global_id(0);
  if (i < count) vstore_half_rte(from[i], first + i, out);
}
#endif
