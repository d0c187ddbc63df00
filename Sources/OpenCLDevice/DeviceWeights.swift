import Inference
import ModelFile

/// A matrix on a device: its values, and for int8 its groups' scales.
struct DeviceMatrix {
  let parts: [DeviceBuffer]
  /// As kernels take it.
  var arguments: [DeviceQueue.Argument] { parts.map { .buffer($0) } }
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }
}

/// The weights of one transformer block on a device.
struct DeviceLayer {
  let attentionNorm: DeviceBuffer
  let wq: DeviceMatrix
  let wk: DeviceMatrix
  let wv: DeviceMatrix
  let wo: DeviceMatrix
  let ffnNorm: DeviceBuffer
  let w1: DeviceMatrix
  let w2: DeviceMatrix
  let w3: DeviceMatrix
}

/// Every weight of a model on a device.
struct DeviceWeights {
  let tokenEmbedding: DeviceMatrix
  let layers: [DeviceLayer]
  let finalNorm: DeviceBuffer
  /// The token embedding when the classifier is tied.
  let classifier: DeviceMatrix

  /// Uploads a checkpoint.
  init(_ checkpoint: Checkpoint, with uploader: WeightUploader) throws {
    func matrix(_ role: TensorRole, _ layer: Int = 0) throws -> DeviceMatrix {
      try uploader.matrix(checkpoint.tensor(role, layer: layer))
    }
    func norm(_ role: TensorRole, _ layer: Int = 0) throws -> DeviceBuffer {
      try uploader.norm(checkpoint.tensor(role, layer: layer))
    }
    tokenEmbedding = try matrix(.tokenEmbedding)
    layers = try (0..<checkpoint.config.layers).map { layer in
      DeviceLayer(
        attentionNorm: try norm(.attentionNorm, layer),
        wq: try matrix(.wq, layer), wk: try matrix(.wk, layer), wv: try matrix(.wv, layer),
        wo: try matrix(.wo, layer),
        ffnNorm: try norm(.ffnNorm, layer),
        w1: try matrix(.w1, layer), w2: try matrix(.w2, layer), w3: try matrix(.w3, layer))
    }
    finalNorm = try norm(.finalNorm)
    classifier =
      checkpoint.config.sharedClassifier ? tokenEmbedding : try matrix(.classifier)
  }

  /// Bytes that a token reads: every matrix of every block and the classifier, and the norms.
  var bytesPerToken: Int {
    layers.reduce(classifier.byteCount + finalNorm.byteCount) { sum, layer in
      let matrices = [layer.wq, layer.wk, layer.wv, layer.wo, layer.w1, layer.w2, layer.w3]
      return matrices.reduce(sum + 2 * finalNorm.byteCount) { $0 + $1.byteCount }
    }
  }
}

/// Copies tensors from the mapped file to a device, piece by piece, so that it can tell how far it is.
final class WeightUploader {
  private let queue: DeviceQueue
  /// Makes halves of a piece; `nil` where matrices are kept as they are.
  private let toHalves: DeviceKernel?
  private let staging: DeviceBuffer?
  private let total: Int
  private let interrupt: InterruptFlag?
  private let progress: (_ done: Int, _ total: Int) -> Void
  private var done = 0
  static let pieceBytes = 16 << 20

  /// - Parameters:
  ///   - total: Bytes of the file to copy.
  ///   - toHalves: The kernel of that name, for fp32 matrices that are to be kept as halves.
  init(
    _ queue: DeviceQueue, total: Int, toHalves: DeviceKernel?, interrupt: InterruptFlag?,
    progress: @escaping (_ done: Int, _ total: Int) -> Void
  ) throws {
    self.queue = queue
    self.total = total
    self.toHalves = toHalves
    self.interrupt = interrupt
    self.progress = progress
    staging = try toHalves.map { _ in try DeviceBuffer(queue, byteCount: Self.pieceBytes) }
  }

  func matrix(_ view: TensorView) throws -> DeviceMatrix {
    let count = view.rows * view.columns
    switch view.values {
    case .float32(let values):
      let bytes = UnsafeRawBufferPointer(start: values, count: count * 4)
      return DeviceMatrix(parts: [try toHalves == nil ? copy(bytes) : halves(of: bytes)])
    case .int8(let values, let scales, let groupSize):
      return DeviceMatrix(parts: [
        try copy(UnsafeRawBufferPointer(start: values, count: count)),
        try copy(UnsafeRawBufferPointer(start: scales, count: count / groupSize * 4)),
      ])
    }
  }

  func norm(_ view: TensorView) throws -> DeviceBuffer {
    guard case .float32(let values) = view.values else {
      preconditionFailure("the layout keeps norms in fp32")
    }
    return try copy(UnsafeRawBufferPointer(start: values, count: view.rows * view.columns * 4))
  }

  private func copy(_ bytes: UnsafeRawBufferPointer) throws -> DeviceBuffer {
    let buffer = try DeviceBuffer(queue, byteCount: bytes.count)
    try forEachPiece(of: bytes) { piece, offset in
      try queue.write(piece, to: buffer, at: offset)
    }
    return buffer
  }

  private func halves(of bytes: UnsafeRawBufferPointer) throws -> DeviceBuffer {
    let buffer = try DeviceBuffer(queue, byteCount: bytes.count / 2)
    guard let toHalves, let staging else { return buffer }
    try forEachPiece(of: bytes) { piece, offset in
      try queue.write(piece, to: staging)
      let count = piece.count / 4
      try queue.launch(
        toHalves, groups: ((count + 63) / 64, 1, 1), items: 64,
        [.buffer(buffer), .size(offset / 4), .buffer(staging), .size(count)])
    }
    return buffer
  }

  private func forEachPiece(
    of bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, _ offset: Int) throws -> Void
  ) throws {
    for offset in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
      if interrupt?.isRaised == true { throw Interrupted() }
      let piece = bytes[offset..<min(offset + Self.pieceBytes, bytes.count)]
      try body(UnsafeRawBufferPointer(rebasing: piece), offset)
      done += piece.count
      progress(done, total)
    }
  }
}
