// The residual stream starts as the tokens' embeddings: x (tokens, dim).
KERNEL(64) embed(__global float *x, __global const int *tokens, int dim, MATRIX(table)) {
  int i = get_global_id(0), t = get_global_id(1);
  ulong at = (ulong)tokens[t] * dim + i;
  if (i < dim) x[(ulong)t * dim + i] = ELEMENT(table, at);
}
