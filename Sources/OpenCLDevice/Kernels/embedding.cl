// The residual stream starts as the tokens' embeddings: x (tokens, DIM).
KERNEL(64) embed(__global float *x, __global const int *tokens, MATRIX(table)) {
  int i = get_global_id(0), t = get_global_id(1);
  ulong at = (ulong)tokens[t] * DIM + i;
  if (i < DIM) x[(ulong)t * DIM + i] = ELEMENT(table, at);
}
