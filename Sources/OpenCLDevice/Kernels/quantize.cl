// Groups of int8 with a scale, as runq.c makes them; see quantize_q80 in CKernels.

// The scale of n values: 0 for zeros; NaN for a group that holds NaN or infinity, so that the damage is seen.
float group_scale(__global const float *x, int n) {
  uint most = 0;
  for (int i = 0; i < n; i++) most = max(most, as_uint(x[i]) & 0x7fffffffu);
  return most < 0x7f800000u ? as_float(most) / 127.0f : NAN;
}

// x / scale rounded half away from zero.
char rounded_quotient(float x, float scale) {
  float q = x / scale;
  if (q > 127.0f) q = 127.0f;
  if (q < -127.0f) q = -127.0f;
  int whole = (int)q;
  float fraction = q - (float)whole;
  return (char)(whole + (fraction >= 0.5f) - (fraction <= -0.5f));
}

#ifdef GROUP_SIZE
// One group of a row of n values; the last one may be short.
void quantize_group(__global char *values, __global float *scales, __global const float *x, int n, int group) {
  int start = group * GROUP_SIZE, count = min(GROUP_SIZE, n - start);
  float scale = group_scale(x + start, count);
  scales[group] = scale;
  for (int i = start; i < start + count; i++) values[i] = scale > 0 ? rounded_quotient(x[i], scale) : 0;
}
#endif
