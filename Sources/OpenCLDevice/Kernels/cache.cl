// The cache of keys and values: one layer's memory, in the places that KVLayout gives.
//
// By head: keys in blocks of 16 positions, (positions / 16, head_size, 16), then values, (positions, head_size), each
// `plane` bytes; for int8, the scales of keys, then of values, each `scale_plane` bytes.
#define CACHE __global uchar *cache, ulong plane, ulong scale_plane
#define PASS_CACHE cache, plane, scale_plane

// Numbers of KVType.
#define KV_F32 0
#define KV_F16 1
#define KV_Q8 2

__global uchar *keys_of(int head, CACHE) { return cache + (ulong)head * 2 * (plane + scale_plane); }
__global uchar *values_of(int head, CACHE) { return keys_of(head, PASS_CACHE) + plane; }
__global float *key_scales_of(int head, CACHE) {
  return (__global float *)(keys_of(head, PASS_CACHE) + 2 * plane);
}
__global float *value_scales_of(int head, CACHE) {
  return (__global float *)(keys_of(head, PASS_CACHE) + 2 * plane + scale_plane);
}

// Where element i of a position's key is.
ulong key_at(int position, int i, int head_size) {
  return (ulong)(position / 16 * 16) * head_size + i * 16 + position % 16;
}
