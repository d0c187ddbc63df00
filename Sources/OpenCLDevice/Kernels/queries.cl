#define TILES(rows) (((rows) + TILE_ROWS - 1) / TILE_ROWS)

// Keeps x as a float, or as the nearest half, ties to even; what has no finite half becomes NaN.
void keep(__global uchar *p, int kv_type, ulong at, float x) {
  if (kv_type == KV_F32) {
    ((__global float *)p)[at] = x;
  } else {
    vstore_half_rte(fabs(x) < 65520.0f ? x : NAN, at, (__global half *)p);
  }
}

// Queries (tokens, dim), keys and values; then rotation by position (Su et al., 2021, adjacent elements as pairs) of
// queries and keys; then keys and values to the cache, or to `rows` (2, tokens, kv_dim) for one of int8. cosines and
// sines are (tokens, head_size / 2).
KERNEL(ITEMS) project_qkv(__global float *q, CACHE, int kv_type, __global float *rows, __global const float *cosines,
                          __global const float *sines, int dim, int kv_dim, int head_size, int position, int tokens,
                          INPUT, MATRIX(wq), MATRIX(wk), MATRIX(wv)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int index = get_group_id(0), first_token = get_group_id(1) * TILE_TOKENS;
  const int is_query = index < TILES(dim), is_key = !is_query && index < TILES(dim) + TILES(kv_dim);
  const int count = is_query ? dim : kv_dim;
  const int first_row = (is_query ? index : (index - TILES(dim)) % TILES(kv_dim)) * TILE_ROWS;
  // One product serves all three: it is long, and compiled wherever it stands.
  CHOOSE(w_kv, is_key, wk, wv);
  CHOOSE(w, is_query, wq, w_kv);
  product(tile, TILE_ROWS, scratch, PASS(w), PASS_INPUT, dim, first_row, count, first_token, tokens);

  for (int pair = get_local_id(0); pair < TILE_TOKENS * TILE_ROWS / 2; pair += ITEMS) {
    const int t = first_token + pair / (TILE_ROWS / 2), row = first_row + pair % (TILE_ROWS / 2) * 2;
    if (t >= tokens || row >= count) continue;
    float a = tile[2 * pair], b = tile[2 * pair + 1];
    const int head = row / head_size, i = row % head_size;
    if (is_query || is_key) {
      const float c = cosines[t * (head_size / 2) + i / 2], s = sines[t * (head_size / 2) + i / 2];
      const float turned = a * c - b * s;
      b = a * s + b * c;
      a = turned;
    }
    if (is_query || kv_type == KV_Q8) {
      __global float *out = is_query ? q + (ulong)t * dim : rows + ((ulong)(is_key ? 0 : tokens) + t) * kv_dim;
      out[row] = a;
      out[row + 1] = b;
      continue;
    }
    __global uchar *out = is_key ? keys_of(head, PASS_CACHE) : values_of(head, PASS_CACHE);
    const ulong at = is_key ? key_at(position + t, i, head_size) : (ulong)(position + t) * head_size + i;
    keep(out, kv_type, at, a);
    keep(out, kv_type, at + (is_key ? 16 : 1), b);
  }
}
