// The same as attention.cl in one pass over keys and values, with digits of its own: no score outlives its block, as
// what was summed up is rescaled whenever a higher one comes (Milakov and Gimelshein, 2018). Long contexts are split,
// and the splits combined by a kernel of their own.
//
// Blocks and splits begin at the same positions for every token, so a result does not depend on the batch. Weights of
// what a token does not see are zero.
#define QUERY_HEADS (QUERY_GROUP < 8 ? QUERY_GROUP : 8)
#define CHUNKS ((QUERY_GROUP + QUERY_HEADS - 1) / QUERY_HEADS)
#ifdef BATCH
#define QUERY_TOKENS (QUERY_GROUP >= 8 ? 1 : 8 / QUERY_GROUP)
#else
#define QUERY_TOKENS 1
#endif
#define ROWS (QUERY_TOKENS * QUERY_HEADS)
#define ATTENTION_ITEMS 128
// A position a work item.
#define BLOCK ATTENTION_ITEMS
// Work items that share a row's softmax.
#define SHARERS 16
#define SPLIT 256
// Heads smaller than a group of work items leave room for several positions at once.
#define SLICES (HEAD_SIZE < ATTENTION_ITEMS ? ATTENTION_ITEMS / HEAD_SIZE : 1)
#define ELEMENTS ((HEAD_SIZE + ATTENTION_ITEMS - 1) / ATTENTION_ITEMS)
// Floats of a split's result: sums of values, the highest score, and the sum of weights.
#define PART (HEAD_SIZE + 2)

// Row r is head r % QUERY_HEADS of the group's, of its token r / QUERY_HEADS. Past the end it is the last one again.
typedef struct {
  int kv_head, first_head, first_token, tokens;
} group;
int head_of(group g, int row) {
  return g.kv_head * QUERY_GROUP + min(g.first_head + row % QUERY_HEADS, QUERY_GROUP - 1);
}
int token_of(group g, int row) { return min(row / QUERY_HEADS, g.tokens - 1); }

// weights (ROWS, BLOCK) = scores of the block's positions, in powers of two; -INFINITY for those that are not seen: the
// group's first token sees `seen` positions, each later one a position more.
void block_scores(__local float *weights, __local const float *queries, group g, int block, int count, int seen,
                  CACHE) {
  const int item = get_local_id(0);
  float sums[ROWS];
  for (int r = 0; r < ROWS; r++) sums[r] = 0;
  if (item < count) {
    const ulong at = key_at(block + item, 0, HEAD_SIZE);
    __global const KEPT *key = (__global const KEPT *)keys_of(g.kv_head, PASS_CACHE) + at;
    for (int i = 0; i < HEAD_SIZE; i++) {
      const float k = WIDEN(key, i * 16);
      for (int r = 0; r < ROWS; r++) sums[r] = fma(queries[r * HEAD_SIZE + i], k, sums[r]);
    }
#if KV_TYPE == KV_Q8
    const float scale = key_scales_of(g.kv_head, PASS_CACHE)[block + item];
    for (int r = 0; r < ROWS; r++) sums[r] *= scale;
#endif
  }
  for (int r = 0; r < ROWS; r++) {
    const bool is_seen = item < count && block + item < seen + token_of(g, r);
    weights[r * BLOCK + item] = is_seen ? sums[r] : -INFINITY;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

// Scores to weights; `most` and `totals` go on, and `rescale` is what all sums before are to be multiplied with.
void block_weights(__local float *weights, __local float *most, __local float *now, __local float *totals,
                   __local float *rescale, __local float *highest, __local float *sums, group g, int block, int count,
                   CACHE) {
  const int item = get_local_id(0), row = item / SHARERS;
  __local float *mine = weights + row * BLOCK;
  if (row < ROWS) {
    float m = -INFINITY;
    for (int p = item % SHARERS; p < BLOCK; p += SHARERS) m = fmax(m, mine[p]);
    highest[item] = m;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (row < ROWS) {
    float m = most[row], sum = 0;
    for (int i = 0; i < SHARERS; i++) m = fmax(m, highest[row * SHARERS + i]);
    for (int p = item % SHARERS; p < BLOCK; p += SHARERS) {
      float w = mine[p] == -INFINITY ? 0 : exp2(mine[p] - m);
      sum += w;
#if KV_TYPE == KV_Q8
      if (p < count) w *= value_scales_of(g.kv_head, PASS_CACHE)[block + p];
#endif
      mine[p] = w;
    }
    sums[item] = sum;
    now[row] = m;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item < ROWS) {
    const float factor = most[item] == now[item] ? 1.0f : exp2(most[item] - now[item]);
    float total = totals[item] * factor;
    for (int i = 0; i < SHARERS; i++) total += sums[item * SHARERS + i];
    totals[item] = total;
    rescale[item] = factor;
    most[item] = now[item];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

// Tokens first ..< first + attended of the batch, whose first token is at `position`. Dimensions are KV heads (times
// CHUNKS of their query heads), tiles of QUERY_TOKENS tokens, and splits. `parts` is (attended, heads, splits, PART);
// with one split the result goes to `out` at once.
KERNEL(ATTENTION_ITEMS) attend(__global float *out, __global const float *q, __global float *parts, CACHE, int dim,
                        int position, int first, int attended) {
  __local float queries[ROWS * HEAD_SIZE], weights[ROWS * BLOCK];
  __local float most[ROWS], now[ROWS], totals[ROWS], rescale[ROWS];
  __local float highest[ATTENTION_ITEMS], shares[ATTENTION_ITEMS];
  const int item = get_local_id(0), split = get_group_id(2), splits = get_num_groups(2);
  group g;
  g.kv_head = get_group_id(0) / CHUNKS;
  g.first_head = get_group_id(0) % CHUNKS * QUERY_HEADS;
  g.first_token = first + get_group_id(1) * QUERY_TOKENS;
  g.tokens = min(QUERY_TOKENS, first + attended - g.first_token);
  const int seen = position + g.first_token + 1;
  const int start = split * SPLIT, end = min(start + SPLIT, seen + g.tokens - 1);
  // With a factor, e^x becomes 2^x.
  const float factor = M_LOG2E_F / sqrt((float)HEAD_SIZE);
  for (int o = item; o < ROWS * HEAD_SIZE; o += ATTENTION_ITEMS) {
    const int r = o / HEAD_SIZE;
    const ulong at = (ulong)(g.first_token + token_of(g, r)) * dim + head_of(g, r) * HEAD_SIZE;
    queries[o] = q[at + o % HEAD_SIZE] * factor;
  }
  if (item < ROWS) {
    most[item] = -INFINITY;
    totals[item] = 0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);

  float sums[ELEMENTS][ROWS];
  for (int e = 0; e < ELEMENTS; e++) {
    for (int r = 0; r < ROWS; r++) sums[e][r] = 0;
  }
  for (int block = start; block < end; block += BLOCK) {
    const int count = min(BLOCK, end - block), slice = item / HEAD_SIZE;
    block_scores(weights, queries, g, block, count, seen, PASS_CACHE);
    block_weights(weights, most, now, totals, rescale, highest, shares, g, block, count, PASS_CACHE);
    for (int e = 0; e < ELEMENTS; e++) {
      const int i = item + e * ATTENTION_ITEMS;
      if (i >= SLICES * HEAD_SIZE) continue;
      for (int r = 0; r < ROWS; r++) sums[e][r] *= rescale[r];
      // Neighbouring items have neighbouring elements, of one position after the other.
      __global const KEPT *values =
          (__global const KEPT *)values_of(g.kv_head, PASS_CACHE) + (ulong)block * HEAD_SIZE + i;
      for (int p = 0; p + (SLICES > 1 ? slice : 0) < count; p += SLICES) {
        const float v = WIDEN(values, p * HEAD_SIZE);
        for (int r = 0; r < ROWS; r++) {
          sums[e][r] = fma(weights[r * BLOCK + p + (SLICES > 1 ? slice : 0)], v, sums[e][r]);
        }
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

  if (SLICES > 1) {
    for (int r = 0; r < ROWS; r++) weights[r * BLOCK + item] = sums[0][r];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < ROWS && item < HEAD_SIZE; r++) {
      float sum = 0;
      for (int slice = 0; slice < SLICES; slice++) sum += weights[r * BLOCK + slice * HEAD_SIZE + item];
      sums[0][r] = sum;
    }
  }
  const int heads = get_num_groups(0) / CHUNKS * QUERY_GROUP;
  for (int r = 0; r < ROWS; r++) {
    // Rows past the end, and tokens that see nothing of this split, have no result.
    const int token = g.first_token + r / QUERY_HEADS;
    if (g.first_head + r % QUERY_HEADS >= QUERY_GROUP || r / QUERY_HEADS >= g.tokens) continue;
    if (start > position + token) continue;
    __global float *part = parts + (((ulong)(token - first) * heads + head_of(g, r)) * splits + split) * PART;
    __global float *result = splits == 1 ? out + (ulong)token * dim + head_of(g, r) * HEAD_SIZE : part;
    const float divisor = splits == 1 ? totals[r] : 1.0f;
    for (int e = 0; e < ELEMENTS; e++) {
      const int i = item + e * ATTENTION_ITEMS;
      if (i < HEAD_SIZE) result[i] = sums[e][r] / divisor;
    }
    if (splits > 1 && item == 0) {
      part[HEAD_SIZE] = most[r];
      part[HEAD_SIZE + 1] = totals[r];
    }
  }
}

// out (tokens, dim) of tokens from `first` on, from what their splits came to. Dimensions are heads and tokens.
KERNEL(64) combine(__global float *out, __global const float *parts, int dim, int splits, int position, int first) {
  const int head = get_group_id(0), token = first + get_group_id(1);
  parts += ((ulong)get_group_id(1) * get_num_groups(0) + head) * splits * PART;
  out += (ulong)token * dim + head * HEAD_SIZE;
  const int seen = (position + token) / SPLIT + 1;
  float most = -INFINITY;
  for (int s = 0; s < seen; s++) most = fmax(most, parts[s * PART + HEAD_SIZE]);
  for (int i = get_local_id(0); i < HEAD_SIZE; i += 64) {
    float sum = 0, total = 0;
    for (int s = 0; s < seen; s++) {
      const float factor = exp2(parts[s * PART + HEAD_SIZE] - most);
      sum = fma(factor, parts[s * PART + i], sum);
      total = fma(factor, parts[s * PART + HEAD_SIZE + 1], total);
    }
    out[i] = sum / total;
  }
}
