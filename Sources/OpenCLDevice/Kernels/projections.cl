// The matrix products after attention, each with what comes right after it. Dimensions are tiles of rows and of tokens.

// Adds a tile to rows of `sum` (tokens, DIM).
void add_tile(__global float *sum, __local const float *tile, int first_row, int first_token, int tokens) {
  for (int o = get_local_id(0); o < TILE_TOKENS * TILE_ROWS; o += ITEMS) {
    const int t = first_token + o / TILE_ROWS, row = first_row + o % TILE_ROWS;
    if (t < tokens && row < DIM) sum[(ulong)t * DIM + row] += tile[o];
  }
}

// The residual stream x (tokens, DIM) += the heads' outputs mixed.
KERNEL(ITEMS) project_heads(__global float *x, int tokens, INPUT, MATRIX(wo)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  product(tile, TILE_ROWS, scratch, PASS(wo), PASS_INPUT, DIM, first_row, DIM, first_token, tokens);
  add_tile(x, tile, first_row, first_token, tokens);
}

// hidden (tokens, HIDDEN) = silu(w1 x) * (w3 x) (Shazeer, 2020), and its int8 form where a tile holds whole groups.
KERNEL(ITEMS) gate(__global float *hidden,
#ifdef GROUP_SIZE
                   __global char *values, __global float *scales,
#endif
                   int tokens, INPUT, MATRIX(w1), MATRIX(w3)) {
  __local float tiles[2 * TILE_TOKENS * GATE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * GATE_ROWS, first_token = get_group_id(1) * TILE_TOKENS;
  __local const float *tile1 = tiles, *tile3 = tiles + TILE_TOKENS * GATE_ROWS;
  for (int is_w3 = 0; is_w3 < 2; is_w3++) {
    CHOOSE(w, is_w3, w3, w1);
    product(tiles + is_w3 * TILE_TOKENS * GATE_ROWS, GATE_ROWS, scratch, PASS(w), PASS_INPUT, DIM, first_row, HIDDEN,
            first_token, tokens);
  }
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
KERNEL(ITEMS) project_hidden(__global float *x, int tokens, INPUT, MATRIX(w2)) {
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

#ifndef BATCH
// Logits (VOCAB) of one token.
KERNEL(ITEMS) classify(__global float *logits, INPUT, MATRIX(classifier)) {
  __local float tile[TILE_TOKENS * TILE_ROWS];
  __local float scratch[SCRATCH];
  const int first_row = get_group_id(0) * TILE_ROWS;
  product(tile, TILE_ROWS, scratch, PASS(classifier), PASS_INPUT, DIM, first_row, VOCAB, 0, 1);
  for (int row = get_local_id(0); row < TILE_ROWS; row += ITEMS) {
    if (first_row + row < VOCAB) logits[first_row + row] = tile[row];
  }
}
#endif
