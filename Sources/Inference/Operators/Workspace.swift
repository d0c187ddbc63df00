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

  /// Attention scores, rows of positions; grows with threads and depth.
  private var scores: UnsafeMutableBufferPointer<Float>

  /// - Parameter available: Bytes of memory there are.
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``: memory that is not there would end
  ///   the process.
  init(
    config: ModelConfig, available: Int = SystemMemory.available()
  ) throws(InferenceError) {
    let byteCount = Self.byteCount(config)
    guard byteCount <= available else {
      throw .workspaceDoesNotFit(bytes: byteCount, available: available)
    }
    let batch = Self.maximumBatch
    x = allocateAligned(batch * config.dim)
    xb = Activations(batch: batch, width: config.dim)
    xb2 = allocateAligned(batch * config.dim)
    q = allocateAligned(batch * config.dim)
    k = allocateAligned(batch * config.kvDim)
    v = allocateAligned(batch * config.kvDim)
    hb = Activations(batch: batch, width: config.hiddenDim)
    hb2 = allocateAligned(batch * config.hiddenDim)
    ropeCos = allocateAligned(batch * config.headSize / 2)
    ropeSin = allocateAligned(batch * config.headSize / 2)
    logits = UnsafeMutableBufferPointer(
      start: allocateAligned(config.vocabSize), count: config.vocabSize)
    scores = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// Bytes of all but the scores.
  private static func byteCount(_ config: ModelConfig) -> Int {
    // `xb` and `hb` hold their values as floats, and as int8 with scales and offsets.
    let perToken = 4 * (3 * config.dim + 2 * config.kvDim + config.hiddenDim + config.headSize)
    let activations = 13 * (config.dim + config.hiddenDim)
    return maximumBatch * (perToken + activations) + 4 * config.vocabSize
  }

  deinit {
    for pointer in [x, xb2, q, k, v, hb2, ropeCos, ropeSin] { pointer.deallocate() }
    xb.deallocate()
    hb.deallocate()
    logits.deallocate()
    scores.deallocate()
  }

  /// Room for `count` attention scores, until the next call.
  func scores(_ count: Int) -> UnsafeMutablePointer<Float> {
    if let base = scores.baseAddress, scores.count >= count { return base }
    // Depth grows token by token, the room in leaps.
    let room = max(count, 2 * scores.count)
    scores.deallocate()
    let base: UnsafeMutablePointer<Float> = allocateAligned(room)
    scores = UnsafeMutableBufferPointer(start: base, count: room)
    return base
  }
}
