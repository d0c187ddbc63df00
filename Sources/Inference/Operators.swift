import CKernels
import ModelFile

/// The steps of a forward pass over a batch of tokens, spread over the pool's threads.
///
/// Arrays are row-major with one row a token. Work is split by output rows, tokens or heads; each output
/// is computed whole by one kernel call in a fixed order, so its bits depend on no split.
struct Operators {
  let kernels: UnsafePointer<lck_kernels>
  let pool: WorkerPool
  let workspace: Workspace
  /// Elements of an int8 group of the model's matrices; `nil` for fp32.
  let groupSize: Int?

  /// Rotates q (tokens, heads * headSize) and k (tokens, kvDim) by their positions and puts k and v into
  /// the cache's rows from `position` on; Su et al., 2021, adjacent elements as pairs.
  func ropeAndStore(_ cache: KVCache, layer: Int, position: Int, config: ModelConfig, tokens: Int) {
    let size = config.headSize
    let ws = workspace
    forEachToken(tokens) { t in
      let (cos, sin) = (ws.ropeCos + t * size / 2, ws.ropeSin + t * size / 2)
      let (k, v) = (ws.k + t * config.kvDim, ws.v + t * config.kvDim)
      kernels.pointee.rope(ws.q + t * config.dim, cos, sin, config.heads, size)
      kernels.pointee.rope(k, cos, sin, config.kvHeads, size)
      for head in 0..<config.kvHeads {
        lck_store_key(
          cache.keys(layer: layer, head: head), k + head * size, position + t, size)
        (cache.values(layer: layer, head: head) + (position + t) * size)
          .update(from: v + head * size, count: size)
      }
    }
  }

  /// out (tokens, dim) = each query head's softmax(q k / sqrt(headSize)) v over its own and all earlier
  /// positions; query heads share KV heads in groups (Ainslie et al., 2023).
  func attention(
    _ out: UnsafeMutablePointer<Float>, _ cache: KVCache, layer: Int, position: Int,
    config: ModelConfig, tokens: Int
  ) {
    let size = config.headSize
    let queriesPerKV = config.heads / config.kvHeads
    let ws = workspace
    ws.reserveScores(threads: pool.threads, capacity: cache.capacity)
    pool.run(chunks: tokens * config.heads) { chunk, thread in
      let (head, t) = (chunk / tokens, chunk % tokens)
      let at = t * config.dim + head * size
      kernels.pointee.attention(
        out + at, ws.scores.baseAddress.map { $0 + thread * cache.capacity }, ws.q + at,
        cache.keys(layer: layer, head: head / queriesPerKV),
        cache.values(layer: layer, head: head / queriesPerKV),
        position + t + 1, size)
    }
  }

  /// One token is done at once; a batch is shared out token by token.
  func forEachToken(_ tokens: Int, _ body: (Int) -> Void) {
    pool.run(chunks: tokens) { t, _ in body(t) }
  }
}
