// out (tokens, dim) = each query head's softmax(q k / sqrt(HEAD_SIZE)) v over its own and all earlier positions.
//
// A group of work items has the query heads that share one KV head, of one token or some: keys and values are
// loaded once for all of them. Scores by positions, softmax by rows, values by elements; every sum is one item's, in
// order, so a result does not depend on the batch.
#ifdef BATCH
#define QUERY_TOKENS (QUERY_GROUP >= 8 ? 1 : 8 / QUERY_GROUP)
#else
#define QUERY_TOKENS 1
#endif
#define QUERY_ROWS (QUERY_TOKENS * QUERY_GROUP)
#define ROWS_TOGETHER (QUERY_ROWS < 8 ? QUERY_ROWS : 8)
#define ATTENTION_ITEMS 128

// Row r is head r % QUERY_GROUP of token r / QUERY_GROUP; scores (rows, score_stride) of this token tile and head.
void scores_of(__global float *scores, int score_stride, __global const float *q, int dim, int seen, int rows,
               int head, CACHE) {
  __global const KEPT *keys = (__global const KEPT *)keys_of(head, PASS_CACHE);
  const float divisor = sqrt((float)HEAD_SIZE);
  for (int p = get_local_id(0); p < seen; p += ATTENTION_ITEMS) {
    for (int first = 0; first < rows; first += ROWS_TOGETHER) {
      float sums[ROWS_TOGETHER];
      for (int r = 0; r < ROWS_TOGETHER; r++) sums[r] = 0;
      for (int i = 0; i < HEAD_SIZE; i++) {
        const float k = WIDEN(keys, key_at(p, i, HEAD_SIZE));
        for (int r = 0; r < ROWS_TOGETHER; r++) {
          const int row = min(first + r, rows - 1);
          sums[r] += q[row / QUERY_GROUP * dim + row % QUERY_GROUP * HEAD_SIZE + i] * k;
        }
      }
      for (int r = 0; r < min(ROWS_TOGETHER, rows - first); r++) {
#if KV_TYPE == KV_Q8
        sums[r] *= key_scales_of(head, PASS_CACHE)[p];
#endif
        scores[(ulong)(first + r) * score_stride + p] = sums[r] / divisor;
      }
    }
  }
  barrier(CLK_GLOBAL_MEM_FENCE);
}

// Softmax of every row over the positions it sees: `seen` by the first token, one more by each later one.
void softmax_of(__global float *scores, int score_stride, int seen, int rows, __local float *most,
                __local float *totals) {
  const int item = get_local_id(0);
  for (int row = 0; row < rows; row++) {
    const int count = seen + row / QUERY_GROUP;
    __global float *x = scores + (ulong)row * score_stride;
    float largest = -INFINITY;
    for (int p = item; p < count; p += ATTENTION_ITEMS) largest = x[p] > largest ? x[p] : largest;
    most[item] = largest;
    barrier(CLK_LOCAL_MEM_FENCE);
    // Sixteen items look at eight each, then all at the sixteen: few barriers are soon compiled, and soon passed.
    if (item < 16) {
      for (int i = item; i < ATTENTION_ITEMS; i += 16) largest = most[i] > largest ? most[i] : largest;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < 16) most[item] = largest;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 16; i++) largest = most[i] > largest ? most[i] : largest;
    for (int p = item; p < count; p += ATTENTION_ITEMS) x[p] = exponential(x[p] - largest);
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
  }
  for (int row = item; row < rows; row += ATTENTION_ITEMS) {
    const int count = seen + row / QUERY_GROUP;
    float total = 0;
    for (int p = 0; p < count; p++) total += scores[(ulong)row * score_stride + p];
    totals[row] = total;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int row = 0; row < rows; row++) {
    const int count = seen + row / QUERY_GROUP;
    for (int p = item; p < count; p += ATTENTION_ITEMS) scores[(ulong)row * score_stride + p] /= totals[row];
  }
  barrier(CLK_GLOBAL_MEM_FENCE);
}

void values_sum(__global float *out, int dim, __global const float *scores, int score_stride, int seen, int rows,
                int head, CACHE) {
  __global const KEPT *values = (__global const KEPT *)values_of(head, PASS_CACHE);
  for (int i = get_local_id(0); i < HEAD_SIZE; i += ATTENTION_ITEMS) {
    for (int first = 0; first < rows; first += ROWS_TOGETHER) {
      float sums[ROWS_TOGETHER];
      for (int r = 0; r < ROWS_TOGETHER; r++) sums[r] = 0;
      const int last = min(first + ROWS_TOGETHER, rows) - 1, count = seen + last / QUERY_GROUP;
      for (int p = 0; p < count; p++) {
        const float v = WIDEN(values, (ulong)p * HEAD_SIZE + i);
        for (int r = 0; r < ROWS_TOGETHER; r++) {
          const int row = min(first + r, last);
          float weight = scores[(ulong)row * score_stride + p];
#if KV_TYPE == KV_Q8
          weight *= value_scales_of(head, PASS_CACHE)[p];
#endif
          if (p < seen + row / QUERY_GROUP) sums[r] += weight * v;
        }
      }
      for (int r = 0; first + r <= last; r++) {
        const int row = first + r;
        out[row / QUERY_GROUP * dim + row % QUERY_GROUP * HEAD_SIZE + i] = sums[r];
      }
    }
  }
}

// Tokens first ..< first + attended of the batch, whose first token is at `position`. Dimensions are KV heads and
// tiles of QUERY_TOKENS tokens. `scores` has room for QUERY_ROWS rows of each.
KERNEL(ATTENTION_ITEMS) attend(__global float *out, __global const float *q, __global float *scores, int score_stride,
                        CACHE, int dim, int position, int first, int attended) {
  __local float most[ATTENTION_ITEMS];
  __local float totals[QUERY_ROWS];
  const int head = get_group_id(0), tile = get_group_id(1);
  const int token = first + tile * QUERY_TOKENS;
  const int rows = min(QUERY_TOKENS, attended - tile * QUERY_TOKENS) * QUERY_GROUP;
  const int seen = position + token + 1;
  scores += (ulong)(tile * get_num_groups(0) + head) * QUERY_ROWS * score_stride;
  q += (ulong)token * dim + head * QUERY_GROUP * HEAD_SIZE;
  out += (ulong)token * dim + head * QUERY_GROUP * HEAD_SIZE;
  // The last token of the tile sees the most; what an earlier one does not see is computed, and not used.
  scores_of(scores, score_stride, q, dim, seen + rows / QUERY_GROUP - 1, rows, head, PASS_CACHE);
  softmax_of(scores, score_stride, seen, rows, most, totals);
  values_sum(out, dim, scores, score_stride, seen, rows, head, PASS_CACHE);
}
