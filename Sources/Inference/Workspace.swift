import ModelFile

/// Scratch memory of one forward pass over a batch of up to ``maximumBatch`` tokens, allocated once.
///
/// Rows are tokens: every shape below starts with the batch.
final class Workspace {
  /// The most tokens of one pass: enough that a prompt is bound by arithmetic, not by reading weights.
  static let maximumBatch = 128

  /// (batch, dim): the residual stream.
  let x: UnsafeMutablePointer<Float>
  /// (batch, dim): the residual stream after a norm; then the attention's output.
  let xb: UnsafeMutablePointer<Float>
  /// (batch, dim): what a branch adds to the residual stream.
  let xb2: UnsafeMutablePointer<Float>
  /// (batch, heads * headSize).
  let q: UnsafeMutablePointer<Float>
  /// (batch, kvDim).
  let k: UnsafeMutablePointer<Float>
  /// (batch, kvDim).
  let v: UnsafeMutablePointer<Float>
  /// (batch, hiddenDim): the gate, then the activation.
  let hb: UnsafeMutablePointer<Float>
  /// (batch, hiddenDim).
  let hb2: UnsafeMutablePointer<Float>
  /// (batch, max(dim, hiddenDim)): a matmul's input as int8.
  let quantized: UnsafeMutablePointer<Int8>
  /// (batch, groups): its scales.
  let scales: UnsafeMutablePointer<Float>
  /// (batch, headSize / 2).
  let ropeCos: UnsafeMutablePointer<Float>
  /// (batch, headSize / 2).
  let ropeSin: UnsafeMutablePointer<Float>
  /// (vocabSize).
  let logits: UnsafeMutableBufferPointer<Float>

  /// Attention scores, rows of positions; grows with threads and depth.
  private var scores: UnsafeMutableBufferPointer<Float>

  init(config: ModelConfig) {
    let batch = Self.maximumBatch
    let widest = max(config.dim, config.hiddenDim)
    x = Self.allocate(batch * config.dim)
    xb = Self.allocate(batch * config.dim)
    xb2 = Self.allocate(batch * config.dim)
    q = Self.allocate(batch * config.dim)
    k = Self.allocate(batch * config.kvDim)
    v = Self.allocate(batch * config.kvDim)
    hb = Self.allocate(batch * config.hiddenDim)
    hb2 = Self.allocate(batch * config.hiddenDim)
    quantized = Self.allocate(batch * widest)
    scales = Self.allocate(batch * widest)
    ropeCos = Self.allocate(batch * config.headSize / 2)
    ropeSin = Self.allocate(batch * config.headSize / 2)
    logits = UnsafeMutableBufferPointer(
      start: Self.allocate(config.vocabSize), count: config.vocabSize)
    scores = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  deinit {
    for pointer in [x, xb, xb2, q, k, v, hb, hb2, scales, ropeCos, ropeSin] { pointer.deallocate() }
    quantized.deallocate()
    logits.deallocate()
    scores.deallocate()
  }

  /// Room for `count` attention scores, until the next call.
  func scores(_ count: Int) -> UnsafeMutablePointer<Float> {
    if let base = scores.baseAddress, scores.count >= count { return base }
    // Depth grows token by token, the room in leaps.
    let room = max(count, 2 * scores.count)
    scores.deallocate()
    let base: UnsafeMutablePointer<Float> = Self.allocate(room)
    scores = UnsafeMutableBufferPointer(start: base, count: room)
    return base
  }

  /// Memory that starts on a cache line.
  private static func allocate<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
    UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64
    ).bindMemory(to: Element.self, capacity: count)
  }
}
