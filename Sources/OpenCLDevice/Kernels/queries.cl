#define TILES(rows) (((rows) + TILE_ROWS - 1) / TILE_ROWS)

// Queries, keys and values; then rotation by position (Su et al., 2021, adjacent elements as pairs) of queries and
// keys; then keys and values to the cache. cosines and sines are (tokens, HEAD_SIZE / 2).
KERNEL(ITEMS) project_qkv(__global float *q, CACHE, __global float *rows, __global const float *cosines,
                          __global const float *sines, int position, int tokens, INPUT, MATRIX(wq), MATRIX(wk),
                          MATRIX(wv)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int index = get_group_id(0), first_token = get_group_id(1) * TILE_TOKENS;
  const int is_query = index < TILES(DIM), is_key = !is_query && index < TILES(DIM) + TILES(KV_DIM);
  const int count = is_query ? DIM : KV_DIM;
  const int first_row = (is_query ? index : (index - TILES(DIM)) % TILES(KV_DIM)) * TILE_ROWS;
  // One product serves all three: it is long, and compiled wherever it stands.
  CHOOSE(w_kv, is_key, wk, wv);
  CHOOSE(w, is_query, wq, w_kv);
  product(tile, TILE_ROWS, scratch, PASS(w), PASS_INPUT, DIM, first_row, count, first_token, tokens);

  for (int pair = get_local_id(0); pair < TILE_TOKENS * TILE_ROWS / 2; pair += ITEMS) {
    const int t = first_token + pair / (TILE_ROWS / 2), row = first_row + pair % (TILE_ROWS / 2) * 2;
    if (t >= tokens || row >= count) continue;
    float a = tile[2 * pair], b = tile[2 * pair + 1];
    const int head = row / HEAD_SIZE, i = row % HEAD_SIZE;
    if (is_query || is_key) {
      const float c = cosines[t * (HEAD_SIZE / 2) + i / 2], s = sines[t * (HEAD_SIZE / 2) + i / 2];
      const float turned = a * c - b * s;
      b = a * s + b * c;
      a = turned;
    }
    if (is_query) {
      q[(ulong)t * DIM + row] = a;
      q[(ulong)t * DIM + row + 1] = b;
      continue;
    }
#if KV_TYPE == 2
    __global float *out = rows + ((ulong)(is_key ? 0 : tokens) + t) * KV_DIM + row;
    out[0] = a;
    out[1] = b;
#else
    if (is_key) {
      __global KEPT *keys = keys_of(head, PASS_CACHE);
      keep(keys, key_at(position + t, i), a);
      keep(keys, key_at(position + t, i + 1), b);
    } else {
      __global KEPT *values = values_of(head, PASS_CACHE) + (ulong)(position + t) * HEAD_SIZE + i;
      keep(values, 0, a);
      keep(values, 1, b);
    }
#endif
  }
}
