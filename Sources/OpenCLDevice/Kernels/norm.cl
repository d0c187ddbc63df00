// out (tokens, dim) = RMSNorm(x) * weight (Zhang and Sennrich, 2019), with its int8 form for int8 models.
// One group of work items a token. The squares are added by one of them, in order.
#define SQUARES 1024

#ifdef GROUP_SIZE
#define NORM_OUTPUT __global float *out, __global char *values, __global float *scales
#else
#define NORM_OUTPUT __global float *out
#endif

KERNEL(128) rmsnorm(NORM_OUTPUT, __global const float *x, int first,
                    __global const float *weight, int dim, float epsilon) {
  __local float squares[SQUARES];
  __local float inverse;
  const int item = get_local_id(0), items = get_local_size(0), t = get_group_id(0);
  x += (ulong)(first + t) * dim;
  out += (ulong)t * dim;
  float total = 0;
  for (int start = 0; start < dim; start += SQUARES) {
    int count = min(SQUARES, dim - start);
    for (int i = item; i < count; i += items) squares[i] = x[start + i] * x[start + i];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item == 0) {
      for (int i = 0; i < count; i++) total += squares[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == 0) inverse = 1.0f / sqrt(total / (float)dim + epsilon);
  barrier(CLK_LOCAL_MEM_FENCE);
  float scale = inverse;
  for (int i = item; i < dim; i += items) out[i] = weight[i] * (scale * x[i]);
#ifdef GROUP_SIZE
  barrier(CLK_GLOBAL_MEM_FENCE);
  const int groups = dim / GROUP_SIZE;
  for (int g = item; g < groups; g += items) {
    quantize_group(values + (ulong)t * dim, scales + (ulong)t * groups, out, dim, g);
  }
#endif
}
