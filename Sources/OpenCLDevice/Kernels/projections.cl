// The matrix products of a layer, each with what comes right after it. Dimensions are tiles of rows and of tokens.
#define TILES(rows) (((rows) + TILE_ROWS - 1) / TILE_ROWS)

// Queries, keys and values; then rotation by position (Su et al., 2021, adjacent elements as pairs) of queries and
// keys; then keys and values to the cache. cosines and sines are (tokens, HEAD_SIZE / 2).
__kernel void project_qkv(__global float *q, CACHE, __global float *rows, __global const float *cosines,
                          __global const float *sines, int position, int tokens, INPUT, MATRIX(wq), MATRIX(wk),
                          MATRIX(wv)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int index = get_group_id(0), first_token = get_group_id(1) * TILE_TOKENS;
  const int is_query = index < TILES(DIM), is_key = !is_query && index < TILES(DIM) + TILES(KV_DIM);
  const int count = is_query ? DIM : KV_DIM;
  const int first_row = (is_query ? index : (index - TILES(DIM)) % TILES(KV_DIM)) * TILE_ROWS;
  if (is_query) {
    product(tile, TILE_ROWS, scratch, PASS(wq), PASS_INPUT, DIM, first_row, count, first_token, tokens);
  } else if (is_key) {
    product(tile, TILE_ROWS, scratch, PASS(wk), PASS_INPUT, DIM, first_row, count, first_token, tokens);
  } else {
    product(tile, TILE_ROWS, scratch, PASS(wv), PASS_INPUT, DIM, first_row, count, first_token, tokens);
  }

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

// Adds a tile to rows of `sum` (tokens, DIM).
void add_tile(__global float *sum, __local const float *tile, int first_row, int first_token, int tokens) {
  for (int o = get_local_id(0); o < TILE_TOKENS * TILE_ROWS; o += ITEMS) {
    const int t = first_token + o / TILE_ROWS, row = first_row + o % TILE_ROWS;
    if (t < tokens && row < DIM) sum[(ulong)t * DIM + row] += tile[o];
  }
}

// The residual stream x (tokens, DIM) += the heads' outputs mixed.
__kernel void project_heads(__global float *x, int tokens, INPUT, MATRIX(wo)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  product(tile, TILE_ROWS, scratch, PASS(wo), PASS_INPUT, DIM, first_row, DIM, first_token, tokens);
  add_tile(x, tile, first_row, first_token, tokens);
}

// hidden (tokens, HIDDEN) = silu(w1 x) * (w3 x) (Shazeer, 2020), and its int8 form where a tile holds whole groups.
__kernel void gate(__global float *hidden,
#ifdef GROUP_SIZE
                   __global char *values, __global float *scales,
#endif
                   int tokens, INPUT, MATRIX(w1), MATRIX(w3)) {
  __local float tile1[TILE_TOKENS * GATE_ROWS], tile3[TILE_TOKENS * GATE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * GATE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  product(tile1, GATE_ROWS, scratch, PASS(w1), PASS_INPUT, DIM, first_row, HIDDEN, first_token, tokens);
  product(tile3, GATE_ROWS, scratch, PASS(w3), PASS_INPUT, DIM, first_row, HIDDEN, first_token, tokens);
  for (int o = get_local_id(0); o < TILE_TOKENS * GATE_ROWS; o += ITEMS) {
    const int t = first_token + o / GATE_ROWS, row = first_row + o % GATE_ROWS;
    const float g = tile1[o];
    if (t < tokens && row < HIDDEN) {
      hidden[(ulong)t * HIDDEN + row] = g * (1.0f / (1.0f + exponential(-g))) * tile3[o];
    }
  }
#ifdef GATE_QUANTIZES
  barrier(CLK_GLOBAL_MEM_FENCE);
  for (int o = get_local_id(0); o < TILE_TOKENS * (GATE_ROWS / GROUP_SIZE); o += ITEMS) {
    const int t = first_token + o / (GATE_ROWS / GROUP_SIZE);
    const int group = first_row / GROUP_SIZE + o % (GATE_ROWS / GROUP_SIZE);
    if (t >= tokens || group >= HIDDEN / GROUP_SIZE) continue;
    quantize_group(values + (ulong)t * HIDDEN, scales + (ulong)t * (HIDDEN / GROUP_SIZE),
                   hidden + (ulong)t * HIDDEN, HIDDEN, group);
  }
#endif
}

// The residual stream x (tokens, DIM) += w2 hidden.
__kernel void project_hidden(__global float *x, int tokens, INPUT, MATRIX(w2)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
#if defined(GROUP_SIZE) && HIDDEN % GROUP_SIZE != 0
  straddling_product(tile, TILE_ROWS, PASS(w2), PASS_INPUT, HIDDEN, first_row, DIM, first_token, tokens);
#else
  product(tile, TILE_ROWS, scratch, PASS(w2), PASS_INPUT, HIDDEN, first_row, DIM, first_token, tokens);
#endif
  add_tile(x, tile, first_row, first_token, tokens);
}

// Logits (VOCAB) of one token.
__kernel void classify(__global float *logits, INPUT, MATRIX(classifier)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS;
  product(tile, TILE_ROWS, scratch, PASS(classifier), PASS_INPUT, DIM, first_row, VOCAB, 0, 1);
  for (int row = get_local_id(0); row < TILE_ROWS; row += ITEMS) {
    if (first_row + row < VOCAB) logits[first_row + row] = tile[row];
  }
}
