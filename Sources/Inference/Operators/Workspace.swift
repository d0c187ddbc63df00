import ModelFile

/// Scratch memory of one forward pass over a batch of up to ``maximumBatch`` tokens, allocated once.
///
/// Rows are tokens: every shape below starts with the batch.
final class Workspace {
  /// The most tokens of one pass: enough that a prompt is bound by arithmetic, not by reading weights.
  static let maximumBatch = 256

  /// (batch, dim): the residual stream.
  let x: UnsafeMutablePointer<Float>
  /// (batch, dim): the residual stream after a norm; then the attention's output.
  let xb: Activations
  /// (batch, dim): what a branch adds to the residual stream.
  let xb2: UnsafeMutablePointer<Float>
  /// (batch, heads * headSize).
  let q: UnsafeMutablePointer<Float>
  /// (batch, kvDim).
  let k: UnsafeMutablePointer<Float>
  /// (batch, kvDim).
  let v: UnsafeMutablePointer<Float>
  /// (batch, hiddenDim): the gated up projection.
  let hb: Activations
  /// (batch, hiddenDim): the up projection.
  let hb2: UnsafeMutablePointer<Float>
  /// (batch, headSize / 2).
  let ropeCos: UnsafeMutablePointer<Float>
  /// (batch, headSize / 2).
  let ropeSin: UnsafeMutablePointer<Float>
  /// (vocabSize).
  let logits: UnsafeMutableBufferPointer<Float>

  /// Where all of the above lie.
  private let memory: ScratchMemory
  /// Attention scores, rows of positions; grows with threads and depth.
  private var scores: (memory: ScratchMemory, start: UnsafeMutablePointer<Float>, count: Int)?

  /// - Parameter available: Bytes of memory there are.
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  init(
    config: ModelConfig, available: Int = SystemMemory.available()
  ) throws(InferenceError) {
    let batch = Self.maximumBatch
    memory = try ScratchMemory(byteCount: Self.byteCount(config), available: available)
    x = try memory.take(batch * config.dim)
    xb = try Activations(batch: batch, width: config.dim, in: memory)
    xb2 = try memory.take(batch * config.dim)
    q = try memory.take(batch * config.dim)
    k = try memory.take(batch * config.kvDim)
    v = try memory.take(batch * config.kvDim)
    hb = try Activations(batch: batch, width: config.hiddenDim, in: memory)
    hb2 = try memory.take(batch * config.hiddenDim)
    ropeCos = try memory.take(batch * config.headSize / 2)
    ropeSin = try memory.take(batch * config.headSize / 2)
    logits = UnsafeMutableBufferPointer(
      start: try memory.take(config.vocabSize), count: config.vocabSize)
  }

  /// Bytes of all but the scores.
  private static func byteCount(_ config: ModelConfig) -> Int {
    let floats = 3 * config.dim + 2 * config.kvDim + config.hiddenDim + config.headSize
    let perToken =
      4 * floats + Activations.byteCount(config.dim) + Activations.byteCount(config.hiddenDim)
    return maximumBatch * perToken + 4 * config.vocabSize
  }

  /// Room for `count` attention scores, until the next call.
  ///
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  func scores(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
    if let scores, scores.count >= count { return scores.start }
    // Depth grows token by token, the room in leaps where there is memory for them; the old room goes first.
    let leap = 2 * (scores?.count ?? 0)
    scores = nil
    if leap > count, let start = try? makeScores(leap) { return start }
    return try makeScores(count)
  }

  /// Bytes that are asked for whatever is said to be left: a look at memory spares some for such.
  private static let alwaysTried = 8 << 20

  private func makeScores(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
    let available = max(SystemMemory.available(), Self.alwaysTried)
    let memory = try ScratchMemory(byteCount: 4 * count, available: available)
    let start: UnsafeMutablePointer<Float> = try memory.take(count)
    scores = (memory, start, count)
    return start
  }
}
