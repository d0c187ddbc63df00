#ifdef HALF_WEIGHTS
// Floats of a file to the halves that are kept.
KERNEL(64) to_halves(__global half *out, ulong first, __global const float *from, ulong count) {
  const ulong i = get_global_id(0);
  if (i < count) vstore_half_rte(from[i], first + i, out);
}
#endif
