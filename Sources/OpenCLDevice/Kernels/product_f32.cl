// A tile of the product of a batch of float rows with a matrix of floats (or halves): `tile` (TILE_TOKENS,
// TILE_ROWS) = input (tokens, n) times w (rows, n), transposed; tile_rows is TILE_ROWS.
//
// Sixteen lanes share a sum, lane = index mod 16, each a chain of fused multiply-adds; then lanes are added
// pairwise: 8 apart, 4, 2, 1. A work item carries WIDTH lanes of ROWS_AT_ONCE x TOKENS_AT_ONCE sums, so that what is
// loaded is used several times.
#define TILE_ROWS 16
#define ROWS_AT_ONCE 4
#define ROW_SLOTS (TILE_ROWS / ROWS_AT_ONCE)
#ifdef BATCH
#define TOKENS_AT_ONCE 4
#define TOKEN_SLOTS 4
#else
#define TOKENS_AT_ONCE 1
#define TOKEN_SLOTS 1
#endif
#define GATE_ROWS TILE_ROWS
#define TILE_TOKENS (TOKENS_AT_ONCE * TOKEN_SLOTS)
#define SLOTS (ROW_SLOTS * TOKEN_SLOTS)
#define LANE_ITEMS (16 / WIDTH)
#define ITEMS (SLOTS * LANE_ITEMS)
// The lanes of all sums of a tile, on their way to being added up.
#define SCRATCH (TILE_ROWS * TILE_TOKENS * 16)

#if WIDTH == 16
typedef float16 lanes;
#define LOAD(p, at) vload16(0, (p) + (at))
#define LOAD_HALVES(p, at) vload_half16(0, (p) + (at))
#define STORE(x, p) vstore16(x, 0, p)
#elif WIDTH == 8
typedef float8 lanes;
#define LOAD(p, at) vload8(0, (p) + (at))
#define LOAD_HALVES(p, at) vload_half8(0, (p) + (at))
#define STORE(x, p) vstore8(x, 0, p)
#elif WIDTH == 4
typedef float4 lanes;
#define LOAD(p, at) vload4(0, (p) + (at))
#define LOAD_HALVES(p, at) vload_half4(0, (p) + (at))
#define STORE(x, p) vstore4(x, 0, p)
#else
typedef float lanes;
#define LOAD(p, at) (p)[at]
#define LOAD_HALVES(p, at) vload_half(at, p)
#define STORE(x, p) (*(p) = (x))
#endif
#ifdef HALF_WEIGHTS
#define LOAD_WEIGHTS LOAD_HALVES
#else
#define LOAD_WEIGHTS LOAD
#endif

float sum_of_lanes(__local const float *all) {
  float4 four = (vload4(0, all) + vload4(2, all)) + (vload4(1, all) + vload4(3, all));
  float2 two = four.lo + four.hi;
  return two.x + two.y;
}

void product(__local float *tile, int tile_rows, __local float *scratch, MATRIX(w), INPUT, int n, int first_row,
             int rows, int first_token, int tokens) {
  const int lane = get_local_id(0) % LANE_ITEMS * WIDTH, slot = get_local_id(0) / LANE_ITEMS;
  const int row = slot % ROW_SLOTS * ROWS_AT_ONCE, token = slot / ROW_SLOTS * TOKENS_AT_ONCE;
  // Rows and tokens past the end are the last ones again; nobody takes their sums.
  ulong w_start[ROWS_AT_ONCE], x_start[TOKENS_AT_ONCE];
  for (int r = 0; r < ROWS_AT_ONCE; r++) w_start[r] = (ulong)min(first_row + row + r, rows - 1) * n;
  for (int t = 0; t < TOKENS_AT_ONCE; t++) x_start[t] = (ulong)min(first_token + token + t, tokens - 1) * n;

  lanes sums[TOKENS_AT_ONCE][ROWS_AT_ONCE];
  for (int t = 0; t < TOKENS_AT_ONCE; t++) {
    for (int r = 0; r < ROWS_AT_ONCE; r++) sums[t][r] = 0;
  }
  const int whole = n / 16 * 16;
  for (int i = lane; i < whole; i += 16) {
    lanes weights[ROWS_AT_ONCE];
    for (int r = 0; r < ROWS_AT_ONCE; r++) weights[r] = LOAD_WEIGHTS(w, w_start[r] + i);
    for (int t = 0; t < TOKENS_AT_ONCE; t++) {
      lanes x = LOAD(input, x_start[t] + i);
      for (int r = 0; r < ROWS_AT_ONCE; r++) sums[t][r] = fma(weights[r], x, sums[t][r]);
    }
  }
  for (int t = 0; t < TOKENS_AT_ONCE; t++) {
    for (int r = 0; r < ROWS_AT_ONCE; r++) {
      STORE(sums[t][r], scratch + ((token + t) * TILE_ROWS + row + r) * 16 + lane);
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int o = get_local_id(0); o < TILE_ROWS * TILE_TOKENS; o += ITEMS) {
    // What is left of the columns is few, if any: one after the other is soon compiled.
    __local float *all = scratch + 16 * o;
    const ulong w_row = (ulong)min(first_row + o % TILE_ROWS, rows - 1) * n;
    const ulong x_row = (ulong)min(first_token + o / TILE_ROWS, tokens - 1) * n;
    for (int i = whole; i < n; i++) all[i - whole] = fma(ELEMENT(w, w_row + i), input[x_row + i], all[i - whole]);
    tile[o] = sum_of_lanes(all);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
