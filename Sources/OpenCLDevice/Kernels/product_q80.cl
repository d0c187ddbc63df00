// A tile of the product of a batch of int8 rows with an int8 matrix: `tile` (TILE_TOKENS, tile_rows) = input
// (tokens, n) times w (rows, n), transposed.
//
// Work items take the exact dot products of single groups, two rows and all tokens of the tile at once; then each
// output is the sum of its groups in ascending order, as in runq.c.
#ifdef BATCH
#define TILE_TOKENS 4
#else
#define TILE_TOKENS 1
#endif
#define TILE_ROWS 16
#define ITEMS 64
// Products of groups on their way to being added up.
#define SCRATCH 2048

// The w1 and w3 tile holds whole groups, where its result can be quantised at once.
#if GROUP_SIZE <= 64 && 64 % GROUP_SIZE == 0
#define GATE_QUANTIZES
#define GATE_ROWS 64
#else
#define GATE_ROWS TILE_ROWS
#endif

#if defined(cl_khr_integer_dot_product) && defined(__opencl_c_integer_dot_product_input_4x8bit_packed)
#define HAS_DOT
#endif

// Exact sums of products of int8, sixteen or four at a time; w may hold -128, x may not.
#if GROUP_SIZE % 16 == 0
#define PIECE 16
#define LOAD_PIECE(p) vload16(0, p)
typedef char16 piece;
int dot_piece(char16 w, char16 x) {
#ifdef HAS_DOT
  uint4 a = as_uint4(w), b = as_uint4(x);
  return dot_4x8packed_ss_int(a.x, b.x) + dot_4x8packed_ss_int(a.y, b.y) + dot_4x8packed_ss_int(a.z, b.z)
         + dot_4x8packed_ss_int(a.w, b.w);
#else
  // Two products of at most 128 * 127 fit a short.
  short16 products = convert_short16(w) * convert_short16(x);
  int8 sums = convert_int8(products.lo + products.hi);
  int4 four = sums.lo + sums.hi;
  return four.x + four.y + four.z + four.w;
#endif
}
#elif GROUP_SIZE % 4 == 0
#define PIECE 4
#define LOAD_PIECE(p) vload4(0, p)
typedef char4 piece;
int dot_piece(char4 w, char4 x) {
  int4 products = convert_int4(w) * convert_int4(x);
  return products.x + products.y + products.z + products.w;
}
#else
#define PIECE 1
#define LOAD_PIECE(p) (*(p))
typedef char piece;
int dot_piece(char w, char x) { return (int)w * (int)x; }
#endif

void product(__local float *tile, int tile_rows, __local float *scratch, MATRIX(w), INPUT, int n, int first_row,
             int rows, int first_token, int tokens) {
  const int item = get_local_id(0), outputs = tile_rows * TILE_TOKENS;
  const int groups = n / GROUP_SIZE;
  // An odd stride keeps neighbouring outputs in different banks.
  const int chunk = min(groups, SCRATCH / outputs - 1), stride = chunk | 1;
  for (int o = item; o < outputs; o += ITEMS) tile[o] = 0;
  for (int start = 0; start < groups; start += chunk) {
    const int count = min(chunk, groups - start);
    for (int p = item; p < tile_rows / 2 * count; p += ITEMS) {
      const int g = start + p % count, r = p / count * 2;
      // Rows and tokens past the end are the last ones again; nobody takes their sums.
      const ulong row0 = (ulong)min(first_row + r, rows - 1), row1 = (ulong)min(first_row + r + 1, rows - 1);
      int sums0[TILE_TOKENS], sums1[TILE_TOKENS];
      for (int t = 0; t < TILE_TOKENS; t++) sums0[t] = sums1[t] = 0;
      for (int i = g * GROUP_SIZE; i < (g + 1) * GROUP_SIZE; i += PIECE) {
        piece w0 = LOAD_PIECE(w + row0 * n + i), w1 = LOAD_PIECE(w + row1 * n + i);
        for (int t = 0; t < TILE_TOKENS; t++) {
          piece x = LOAD_PIECE(input + (ulong)min(first_token + t, tokens - 1) * n + i);
          sums0[t] += dot_piece(w0, x);
          sums1[t] += dot_piece(w1, x);
        }
      }
      const float scale0 = w_scales[row0 * groups + g], scale1 = w_scales[row1 * groups + g];
      for (int t = 0; t < TILE_TOKENS; t++) {
        float x_scale = input_scales[(ulong)min(first_token + t, tokens - 1) * groups + g];
        __local float *out = scratch + (t * tile_rows + r) * stride + g - start;
        out[0] = ((float)sums0[t] * scale0) * x_scale;
        out[stride] = ((float)sums1[t] * scale1) * x_scale;
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int o = item; o < outputs; o += ITEMS) {
      float sum = tile[o];
      for (int g = 0; g < count; g++) sum += scratch[o * stride + g];
      tile[o] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}

// Groups of w start anywhere in a row: runs that cross neither a group of w nor one of x. Correct, not fast.
void straddling_product(__local float *tile, int tile_rows, MATRIX(w), INPUT, int n, int first_row, int rows,
                        int first_token, int tokens) {
  const int x_groups = (n + GROUP_SIZE - 1) / GROUP_SIZE;
  for (int o = get_local_id(0); o < tile_rows * TILE_TOKENS; o += ITEMS) {
    const ulong row = (ulong)min(first_row + o % tile_rows, rows - 1);
    const ulong t = (ulong)min(first_token + o / tile_rows, tokens - 1);
    float total = 0;
    for (int column = 0, end; column < n; column = end) {
      const ulong at = row * n + column;
      end = min(n, column + min((int)(GROUP_SIZE - at % GROUP_SIZE), GROUP_SIZE - column % GROUP_SIZE));
      int sum = 0;
      for (int i = column; i < end; i++) sum += (int)w[row * n + i] * (int)input[t * n + i];
      total += ((float)sum * w_scales[at / GROUP_SIZE]) * input_scales[t * x_groups + column / GROUP_SIZE];
    }
    tile[o] = total;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
