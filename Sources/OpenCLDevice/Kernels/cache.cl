// The cache of keys and values: one layer's memory, in the places that KVLayout gives.
//
// By head: keys in blocks of 16 positions, (positions / 16, HEAD_SIZE, 16), then values, (positions, HEAD_SIZE), each
// `plane` bytes; for int8, the scales of keys, then of values, each `scale_plane` bytes.
#define CACHE __global uchar *cache, ulong plane, ulong scale_plane
#define PASS_CACHE cache, plane, scale_plane

#if KV_TYPE == 0
#define KEPT float
#define WIDEN(p, at) (p)[at]
#elif KV_TYPE == 1
#define KEPT half
#define WIDEN(p, at) vload_half(at, p)
#else
#define KEPT char
#define WIDEN(p, at) (float)(p)[at]
#endif

__global KEPT *keys_of(int head, CACHE) {
  return (__global KEPT *)(cache + (ulong)head * 2 * (plane + scale_plane));
}
__global KEPT *values_of(int head, CACHE) {
  return (__global KEPT *)(cache + (ulong)head * 2 * (plane + scale_plane) + plane);
}
__global float *key_scales_of(int head, CACHE) {
  return (__global float *)(cache + (ulong)head * 2 * (plane + scale_plane) + 2 * plane);
}
__global float *value_scales_of(int head, CACHE) {
  return (__global float *)(cache + (ulong)head * 2 * (plane + scale_plane) + 2 * plane + scale_plane);
}

// Where element i of a position's key is.
ulong key_at(int position, int i) { return (ulong)(position / 16 * 16) * HEAD_SIZE + i * 16 + position % 16; }

#if KV_TYPE == 0
void keep(__global float *p, ulong at, float x) { p[at] = x; }
#elif KV_TYPE == 1
// To the nearest half, ties to even; what has no finite half becomes NaN.
void keep(__global half *p, ulong at, float x) { vstore_half_rte(fabs(x) < 65520.0f ? x : NAN, at, p); }
#else
// Int8 keys and values need the whole head for their scale: rows of k, then of v (2, tokens, KV_DIM) to the cache.
// Dimensions are heads, tokens, and keys or values.
KERNEL(1) keep_rows(CACHE, __global const float *rows, int position, int tokens) {
  const int head = get_global_id(0), t = get_global_id(1), is_value = get_global_id(2);
  rows += ((ulong)is_value * tokens + t) * KV_DIM + head * HEAD_SIZE;
  const int p = position + t;
  const float scale = group_scale(rows, HEAD_SIZE);
  __global float *scales = is_value ? value_scales_of(head, PASS_CACHE) : key_scales_of(head, PASS_CACHE);
  __global char *out = is_value ? values_of(head, PASS_CACHE) : keys_of(head, PASS_CACHE);
  scales[p] = scale;
  for (int i = 0; i < HEAD_SIZE; i++) {
    out[is_value ? (ulong)p * HEAD_SIZE + i : key_at(p, i)] = scale > 0 ? rounded_quotient(rows[i], scale) : 0;
  }
}
#endif
