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
  private let memory: HostMemory
  /// Attention scores, rows of positions; grows with threads and depth.
  private var scores: HostMemory?

  /// - Parameter available: Bytes of memory there are.
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  init(
    config: ModelConfig, available: Int = SystemMemory.available()
  ) throws(InferenceError) {
    let batch = Self.maximumBatch
    memory = try Self.reserve(Self.byteCount(config), available: available)
    var pieces = MemoryPieces(of: memory)
    x = pieces.take(batch * config.dim)
    xb = Activations(batch: batch, width: config.dim, in: &pieces)
    xb2 = pieces.take(batch * config.dim)
    q = pieces.take(batch * config.dim)
    k = pieces.take(batch * config.kvDim)
    v = pieces.take(batch * config.kvDim)
    hb = Activations(batch: batch, width: config.hiddenDim, in: &pieces)
    hb2 = pieces.take(batch * config.hiddenDim)
    ropeCos = pieces.take(batch * config.headSize / 2)
    ropeSin = pieces.take(batch * config.headSize / 2)
    logits = UnsafeMutableBufferPointer(
      start: pieces.take(config.vocabSize), count: config.vocabSize)
  }

  /// Bytes of all but the scores.
  private static func byteCount(_ config: ModelConfig) -> Int {
    let floats = 3 * config.dim + 2 * config.kvDim + config.hiddenDim + config.headSize
    let perToken =
      4 * floats + Activations.byteCount(config.dim) + Activations.byteCount(config.hiddenDim)
    return maximumBatch * perToken + 4 * config.vocabSize + pieces * MemoryPieces.gap
  }

  /// Pieces the memory is taken in.
  private static let pieces = 17

  private static func reserve(
    _ byteCount: Int, available: Int
  ) throws(InferenceError) -> HostMemory {
    guard byteCount <= available, let memory = HostMemory(byteCount: byteCount) else {
      throw .workspaceDoesNotFit(bytes: byteCount, available: available)
    }
    return memory
  }

  /// Room for `count` attention scores, until the next call.
  ///
  /// - Throws: ``InferenceError/workspaceDoesNotFit(bytes:available:)``.
  func scores(_ count: Int) throws(InferenceError) -> UnsafeMutablePointer<Float> {
    let held = scores?.bytes.count ?? 0
    let room: HostMemory
    if let scores, held >= 4 * count {
      room = scores
    } else {
      // Depth grows token by token, the room in leaps; the old room goes first.
      scores = nil
      room = try Self.reserve(max(4 * count, 2 * held), available: SystemMemory.available())
      scores = room
    }
    var pieces = MemoryPieces(of: room)
    return pieces.take(count)
  }
}
