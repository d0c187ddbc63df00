/// The file's version and weight format.
public enum CheckpointFormat: Hashable, Sendable {
  /// llama2.c's legacy fp32 file: a 28-byte header, RoPE tables inside.
  case v0
  /// fp32 with a 256-byte header.
  case v1
  /// int8 in groups of `groupSize`, each with an fp32 scale (`q80`); norms stay fp32.
  case v2(groupSize: Int)
}

/// One tensor's place in the file.
public struct TensorSpan: Hashable, Sendable {
  /// What it is.
  public var role: TensorRole
  /// The block it belongs to; 0 for tensors outside the blocks.
  public var layer: Int
  /// Output features (1 for norms).
  public var rows: Int
  /// Input features.
  public var columns: Int
  /// Elements of an int8 group; `nil` for fp32.
  ///
  /// Int8 values are followed by their fp32 scales.
  public var groupSize: Int?
  /// First byte in the file.
  public var offset: Int
  /// Bytes in the file, scales included.
  public var byteCount: Int

  /// Number of values.
  public var elementCount: Int { rows * columns }
  /// Number of fp32 scales; 0 for fp32 tensors.
  public var scaleCount: Int { groupSize.map { elementCount / $0 } ?? 0 }
  /// For messages: `wq of layer 3`, `tokenEmbedding`.
  public var name: String { role.isPerLayer ? "\(role.rawValue) of layer \(layer)" : role.rawValue }
}

/// The one table of tensor order, shapes and places: reading, writing and inspecting all use it.
///
/// The order is that of llama2.c's export.py. With `d` = dim, `h` = hidden_dim, `kv` = kvDim:
///
/// | format | header | order |
/// |---|---|---|
/// | v0 | 28 bytes | tokenEmbedding, attentionNorm, wq, wk, wv, wo, ffnNorm, w1, w2, w3, finalNorm, ropeTables, [classifier] |
/// | v1, v2 | 256 bytes | attentionNorm, ffnNorm, finalNorm, tokenEmbedding, wq, wk, wv, wo, w1, w2, w3, [classifier] |
///
/// Each role stands with all its layers before the next role. fp32 tensors are their values; int8
/// tensors (every one but the norms of v2) are `rows * columns` int8 values, then one fp32 scale per
/// group of the flattened tensor.
public struct TensorLayout: Hashable, Sendable {
  /// The model's shape.
  public let config: ModelConfig
  /// The file's format.
  public let format: CheckpointFormat
  /// Every tensor, in file order.
  public let tensors: [TensorSpan]
  /// First byte after the weights, which is the file's size when no tokenizer is appended.
  public let weightsEnd: Int
  /// Index in ``tensors`` of each role's layer 0.
  private let firstIndex: [TensorRole: Int]

  /// Lays out a file.
  ///
  /// - Throws: ``ModelFileError`` when a number is out of range, numbers contradict each other, or
  ///   sizes overflow.
  public init(config: ModelConfig, format: CheckpointFormat) throws(ModelFileError) {
    try config.check()
    if case .v2(let groupSize) = format { try TensorLayout.check(groupSize, config) }
    var tensors: [TensorSpan] = []
    var firstIndex: [TensorRole: Int] = [:]
    var offset = format.headerSize
    for role in format.order where role != .classifier || !config.sharedClassifier {
      firstIndex[role] = tensors.count
      for layer in 0..<(role.isPerLayer ? config.layers : 1) {
        let span = try TensorSpan(role, layer: layer, config, format, offset: offset)
        tensors.append(span)
        offset = try offset.checkedAdding(span.byteCount)
      }
    }
    self.config = config
    self.format = format
    self.tensors = tensors
    self.firstIndex = firstIndex
    weightsEnd = offset
  }

  /// A tensor's place, or `nil` when the file has none of that role and layer.
  public func span(_ role: TensorRole, layer: Int = 0) -> TensorSpan? {
    guard let first = firstIndex[role], layer >= 0 else { return nil }
    guard layer < (role.isPerLayer ? config.layers : 1) else { return nil }
    return tensors[first + layer]
  }

  private static func check(
    _ groupSize: Int, _ config: ModelConfig
  ) throws(ModelFileError) {
    guard groupSize >= 1, groupSize <= 4096 else {
      throw ModelFileError("group_size is \(groupSize); must be 1…4096")
    }
    guard config.dim % groupSize == 0 else {
      throw ModelFileError("group_size is \(groupSize); must divide dim \(config.dim)")
    }
  }
}

extension TensorSpan {
  /// Computes shape and sizes; the element count of an int8 tensor must be a multiple of 4, so that
  /// its scales and every tensor after it are aligned for `Float`.
  fileprivate init(
    _ role: TensorRole, layer: Int, _ config: ModelConfig, _ format: CheckpointFormat, offset: Int
  ) throws(ModelFileError) {
    (rows, columns) = role.shape(config)
    self.role = role
    self.layer = layer
    self.offset = offset
    let elements = try rows.checkedMultiplied(by: columns)
    guard case .v2(let size) = format, !role.isNorm else {
      groupSize = nil
      byteCount = try elements.checkedMultiplied(by: MemoryLayout<Float>.size)
      return
    }
    guard elements % 4 == 0 else {
      throw ModelFileError(
        "\(role.rawValue) has \(elements) int8 values; not a multiple of 4, so its scales would not"
          + " be aligned")
    }
    groupSize = size
    byteCount = try elements.checkedAdding(
      (elements / size).checkedMultiplied(by: MemoryLayout<Float>.size))
  }
}

extension CheckpointFormat {
  /// The format's number in the file and on the command line.
  public var version: Int {
    switch self {
    case .v0: 0
    case .v1: 1
    case .v2: 2
    }
  }

  /// Bytes before the first tensor.
  var headerSize: Int { self == .v0 ? 28 : 256 }

  fileprivate var order: [TensorRole] {
    switch self {
    case .v0:
      [
        .tokenEmbedding, .attentionNorm, .wq, .wk, .wv, .wo, .ffnNorm, .w1, .w2, .w3, .finalNorm,
        .ropeTables, .classifier,
      ]
    case .v1, .v2:
      [
        .attentionNorm, .ffnNorm, .finalNorm, .tokenEmbedding, .wq, .wk, .wv, .wo, .w1, .w2, .w3,
        .classifier,
      ]
    }
  }
}

extension Int {
  /// `self * other`, or an error instead of a trap.
  fileprivate func checkedMultiplied(by other: Int) throws(ModelFileError) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    guard !overflow else { throw ModelFileError("sizes in the header overflow 64 bits") }
    return product
  }

  /// `self + other`, or an error instead of a trap.
  fileprivate func checkedAdding(_ other: Int) throws(ModelFileError) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    guard !overflow else { throw ModelFileError("sizes in the header overflow 64 bits") }
    return sum
  }
}
