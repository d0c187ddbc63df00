// How matrices and the inputs of products are passed, chosen and read.
#ifdef GROUP_SIZE
// Int8 groups with a scale each, over the flattened matrix.
#define MATRIX(w) __global const char *w, __global const float *w##_scales
#define PASS(w) w, w##_scales
#define CHOOSE(w, condition, a, b)                          \
  __global const char *w = (condition) ? (a) : (b);         \
  __global const float *w##_scales = (condition) ? a##_scales : b##_scales
#define ELEMENT(w, at) ((float)w[at] * w##_scales[(at) / GROUP_SIZE])
#define INPUT __global const char *input, __global const float *input_scales
#define PASS_INPUT input, input_scales
#elif defined(HALF_WEIGHTS)
#define MATRIX(w) __global const half *w
#define PASS(w) w
#define CHOOSE(w, condition, a, b) __global const half *w = (condition) ? (a) : (b)
#define ELEMENT(w, at) vload_half(at, w)
#else
#define MATRIX(w) __global const float *w
#define PASS(w) w
#define CHOOSE(w, condition, a, b) __global const float *w = (condition) ? (a) : (b)
#define ELEMENT(w, at) w[at]
#endif
#ifndef GROUP_SIZE
#define INPUT __global const float *input
#define PASS_INPUT input
#endif
