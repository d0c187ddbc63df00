// The matrix products after attention, each with what comes right after it. Dimensions are tiles of rows and of tokens.

// A tile to rows of `out` (tokens, rows), added to what is there or in its place.
void put_tile(__global float *out, int adds, __local const float *tile, int rows, int first_row, int first_token,
              int tokens) {
  for (int o = get_local_id(0); o < TILE_TOKENS * TILE_ROWS; o += ITEMS) {
    const int t = first_token + o / TILE_ROWS, row = first_row + o % TILE_ROWS;
    if (t >= tokens || row >= rows) continue;
    __global float *place = out + (ulong)t * rows + row;
    *place = adds ? *place + tile[o] : tile[o];
  }
}

// out (tokens, rows) += w input, of n columns: to the residual stream, the heads' outputs mixed, or w2's. Or without
// adding: the classifier's logits.
KERNEL(ITEMS) project(__global float *out, int adds, int rows, int n, int tokens, INPUT, MATRIX(w)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  product(tile, TILE_ROWS, scratch, PASS(w), PASS_INPUT, n, first_row, rows, first_token, tokens);
  put_tile(out, adds, tile, rows, first_row, first_token, tokens);
}

#ifdef GROUP_SIZE
// The same for rows that are no whole groups.
KERNEL(ITEMS) project_straddling(__global float *out, int adds, int rows, int n, int tokens, INPUT, MATRIX(w)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  const int first_row = get_group_id(0) * TILE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  straddling_product(tile, TILE_ROWS, PASS(w), PASS_INPUT, n, first_row, rows, first_token, tokens);
  put_tile(out, adds, tile, rows, first_row, first_token, tokens);
}
#endif

// hidden (tokens, n) = silu(w1 x) * (w3 x) (Shazeer, 2020), and its int8 form where a tile holds whole groups.
KERNEL(ITEMS) gate(__global float *hidden,
#ifdef GROUP_SIZE
                   __global char *values, __global float *scales,
#endif
                   int n, int dim, int tokens, INPUT, MATRIX(w1), MATRIX(w3)) {
  __local float tiles[2 * TILE_TOKENS * GATE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * GATE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  __local const float *tile1 = tiles, *tile3 = tiles + TILE_TOKENS * GATE_ROWS;
  for (int is_w3 = 0; is_w3 < 2; is_w3++) {
    CHOOSE(w, is_w3, w3, w1);
    product(tiles + is_w3 * TILE_TOKENS * GATE_ROWS, GATE_ROWS, scratch, PASS(w), PASS_INPUT, dim, first_row, n,
            first_token, tokens);
  }
  for (int o = get_local_id(0); o < TILE_TOKENS * GATE_ROWS; o += ITEMS) {
    const int t = first_token + o / GATE_ROWS, row = first_row + o % GATE_ROWS;
    const float g = tile1[o];
    if (t < tokens && row < n) hidden[(ulong)t * n + row] = g * (1.0f / (1.0f + exponential(-g))) * tile3[o];
  }
#ifdef GATE_QUANTIZES
  if (n % GROUP_SIZE != 0) return;
  barrier(CLK_GLOBAL_MEM_FENCE);
  for (int o = get_local_id(0); o < TILE_TOKENS * (GATE_ROWS / GROUP_SIZE); o += ITEMS) {
    const int t = first_token + o / (GATE_ROWS / GROUP_SIZE);
    const int group = first_row / GROUP_SIZE + o % (GATE_ROWS / GROUP_SIZE);
    if (t >= tokens || group >= n / GROUP_SIZE) continue;
    quantize_group(values + (ulong)t * n, scales + (ulong)t * (n / GROUP_SIZE), hidden + (ulong)t * n, n, group);
  }
#endif
}
