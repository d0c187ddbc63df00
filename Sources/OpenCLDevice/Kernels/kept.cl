// What keys and values are kept as, for programs that are built for one type of them.
#if KV_TYPE == KV_F32
#define KEPT float
#define WIDEN(p, at) (p)[at]
#elif KV_TYPE == KV_F16
#define KEPT half
#define WIDEN(p, at) vload_half(at, p)
#else
#define KEPT char
#define WIDEN(p, at) (float)(p)[at]

// Int8 keys and values need the whole head for their scale: rows of k, then of v (2, tokens, kv_dim) to the cache.
// Dimensions are heads, tokens, and keys or values.
KERNEL(1) keep_rows(CACHE, __global const float *rows, int kv_dim, int position, int tokens) {
  const int head = get_global_id(0), t = get_global_id(1), is_value = get_global_id(2);
  rows += ((ulong)is_value * tokens + t) * kv_dim + head * HEAD_SIZE;
  const int p = position + t;
  const float scale = group_scale(rows, HEAD_SIZE);
  __global float *scales = is_value ? value_scales_of(head, PASS_CACHE) : key_scales_of(head, PASS_CACHE);
  __global char *out = (__global char *)(is_value ? values_of(head, PASS_CACHE) : keys_of(head, PASS_CACHE));
  scales[p] = scale;
  for (int i = 0; i < HEAD_SIZE; i++) {
    const ulong at = is_value ? (ulong)p * HEAD_SIZE + i : key_at(p, i, HEAD_SIZE);
    out[at] = scale > 0 ? rounded_quotient(rows[i], scale) : 0;
  }
}
#endif
