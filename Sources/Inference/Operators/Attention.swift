import CKernels
import ModelFile

extension Operators {
  /// out (tokens, dim) = each query head's softmax(q k / sqrt(headSize)) v over its own and all earlier positions;
  /// query heads share KV heads in groups (Ainslie et al., 2023).
  ///
  /// Before that, q (tokens, heads * headSize) and k (tokens, kvDim) are rotated by their positions (Su et al.,
  /// 2021, adjacent elements as pairs), and k and v become the cache's next rows.
  ///
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)`` when the scores do not fit into memory.
  func attention(
    _ out: UnsafeMutablePointer<Float>, _ cache: KVCache, layer: Int, config: ModelConfig,
    tokens: Int
  ) throws(InferenceError) {
    let step = AttentionStep(
      kernels: kernels, pool: pool, workspace: workspace, out: out, cache: cache, layer: layer,
      config: config, position: cache.count, tokens: tokens)
    if tokens > 1 {
      try step.readPrompt()
    } else if step.isWorthSplitting {
      try step.decodeSplit()
    } else {
      try step.decode()
    }
  }
}

/// One layer's attention for a batch of tokens, and the ways to share it out.
///
/// Each sum is one kernel's, in order, so its bits depend on no split.
private struct AttentionStep {
  let kernels: UnsafePointer<lck_kernels>
  let pool: WorkerPool
  let workspace: Workspace
  let out: UnsafeMutablePointer<Float>
  let cache: KVCache
  let layer: Int
  let config: ModelConfig
  /// Of the first token.
  let position: Int
  let tokens: Int

  /// Queries of a prompt that go over the cache together, about: enough that keys and values come from memory
  /// seldom, few enough that their scores stay in the second-level cache.
  private static let tileRows = 32
  /// Positions from which on a decode step is worth more than one job.
  private static let deep = 512
  private static let block = Int(lck_key_block)

  /// Query heads of a KV head.
  private var group: Int { config.heads / config.kvHeads }

  /// Floats of a row of scores: an odd number of cache lines, so that rows do not compete for places in the cache.
  private var scoreStride: Int {
    ((position + tokens + Self.block - 1) / Self.block | 1) * Self.block
  }

  // MARK: - Ways to share it out

  /// A prompt: first all of its rows, a block of positions a chunk, then its queries, a tile of tokens a chunk.
  func readPrompt() throws(InferenceError) {
    let firstBlock = position / Self.block
    let blocks = (position + tokens - 1) / Self.block - firstBlock + 1
    pool.run(chunks: config.kvHeads * blocks) { chunk, _ in
      let start = (firstBlock + chunk % blocks) * Self.block - position
      store(max(0, start)..<min(start + Self.block, tokens), head: chunk / blocks)
    }

    // Four chunks a thread even out their unequal lengths; the longest of a head come first.
    let evenShare = (tokens * config.kvHeads + 4 * pool.threads - 1) / (4 * pool.threads)
    let tileTokens = max(1, min(Self.tileRows / group, evenShare))
    let tiles = (tokens + tileTokens - 1) / tileTokens
    let scoresPerTile = tileTokens * group * scoreStride
    let scores = try workspace.scores(pool.threads * scoresPerTile)
    pool.run(chunks: config.kvHeads * tiles) { chunk, thread in
      let start = (tiles - 1 - chunk % tiles) * tileTokens
      attend(
        start..<min(start + tileTokens, tokens), head: chunk / tiles,
        scores: scores + thread * scoresPerTile)
    }
  }

  /// One token: a KV head is a chunk, from rotation to result.
  func decode() throws(InferenceError) {
    let scoresPerHead = group * scoreStride
    let scores = try workspace.scores(pool.threads * scoresPerHead)
    pool.run(chunks: config.kvHeads) { head, thread in
      store(0..<1, head: head)
      attend(0..<1, head: head, scores: scores + thread * scoresPerHead)
    }
  }

  /// Whether a token is so deep in the context, and its KV heads divide so badly, that threads would wait long.
  var isWorthSplitting: Bool {
    let rounds = (config.kvHeads + pool.threads - 1) / pool.threads
    return position >= Self.deep && config.kvHeads * 10 < rounds * pool.threads * 9
  }

  /// One token: scores by ranges of positions, softmax by query heads, values by ranges of elements.
  func decodeSplit() throws(InferenceError) {
    let parts = max(1, min(pool.threads, JobBoard.maximumChunks / config.kvHeads))
    let scores = try workspace.scores(config.heads * scoreStride)
    func queries(ofHead head: Int) -> lck_queries {
      self.queries(0..<1, head: head, scores: scores + head * group * scoreStride)
    }
    for head in 0..<config.kvHeads { store(0..<1, head: head) }

    pool.run(chunks: config.kvHeads * parts) { chunk, _ in
      let range = part(chunk % parts, of: parts, in: position + 1)
      var (group, kv) = (queries(ofHead: chunk / parts), cache.head(chunk / parts, layer: layer))
      if !range.isEmpty {
        kernels.pointee.attention_scores(&group, &kv, range.lowerBound, range.upperBound)
      }
    }
    pool.run(chunks: config.kvHeads) { head, _ in
      var group = queries(ofHead: head)
      kernels.pointee.attention_softmax(&group, 0, group.heads)
    }
    pool.run(chunks: config.kvHeads * parts) { chunk, _ in
      let range = part(chunk % parts, of: parts, in: config.headSize)
      var (group, kv) = (queries(ofHead: chunk / parts), cache.head(chunk / parts, layer: layer))
      if !range.isEmpty {
        kernels.pointee.attention_values(&group, &kv, range.lowerBound, range.upperBound)
      }
    }
  }

  /// One of `parts` even parts of 0 ..< count, in whole vectors.
  private func part(_ index: Int, of parts: Int, in count: Int) -> Range<Int> {
    let vectors = (count + Self.block - 1) / Self.block
    func start(_ index: Int) -> Int { min(vectors * index / parts * Self.block, count) }
    return start(index)..<start(index + 1)
  }

  // MARK: - Pieces of work

  /// Rotates the queries and the key of some tokens and one KV head, and puts its rows into the cache.
  private func store(_ range: Range<Int>, head: Int) {
    let (size, ws) = (config.headSize, workspace)
    for t in range {
      let (cos, sin) = (ws.ropeCos + t * size / 2, ws.ropeSin + t * size / 2)
      kernels.pointee.rope(ws.q + t * config.dim + head * group * size, cos, sin, group, size)
      kernels.pointee.rope(ws.k + t * config.kvDim + head * size, cos, sin, 1, size)
    }
    let start = range.lowerBound * config.kvDim + head * size
    var kv = cache.head(head, layer: layer)
    kernels.pointee.store_kv(
      &kv, ws.k + start, ws.v + start, config.kvDim, position + range.lowerBound, range.count)
  }

  /// The output of some tokens and one KV head.
  private func attend(_ range: Range<Int>, head: Int, scores: UnsafeMutablePointer<Float>) {
    var queries = queries(range, head: head, scores: scores)
    var kv = cache.head(head, layer: layer)
    kernels.pointee.attention_scores(&queries, &kv, 0, position + range.upperBound)
    kernels.pointee.attention_softmax(&queries, 0, range.count * group)
    kernels.pointee.attention_values(&queries, &kv, 0, config.headSize)
  }

  /// The queries of some tokens that share a KV head.
  private func queries(
    _ range: Range<Int>, head: Int, scores: UnsafeMutablePointer<Float>
  ) -> lck_queries {
    let start = range.lowerBound * config.dim + head * group * config.headSize
    return lck_queries(
      q: workspace.q + start, out: out + start, stride: config.dim, heads: group,
      tokens: range.count, positions: position + range.lowerBound + 1, scores: scores,
      score_stride: scoreStride)
  }
}
