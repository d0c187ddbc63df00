#ifdef GROUP_SIZE
// Rows of n values; dimensions are groups and tokens.
KERNEL(32) quantize(__global char *values, __global float *scales, __global const float *x, int n) {
  int group = get_global_id(0), t = get_global_id(1), groups = (n + GROUP_SIZE - 1) / GROUP_SIZE;
  if (group >= groups) return;
  quantize_group(values + (ulong)t * n, scales + (ulong)t * groups, x + (ulong)t * n, n, group);
}
#endif
