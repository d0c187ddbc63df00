/// The file's version and weight format.
public enum CheckpointFormat: Hashable, Sendable {
  /// llama2.c's legacy fp32 file: a 28-byte header, RoPE tables inside.
  case v0
  /// fp32 with a 256-byte header.
  case v1
  /// int8 in groups of `groupSize`, each with an fp32 scale (`q80`); norms stay fp32.
  case v2(groupSize: Int)
}

/// What a tensor is, by the field's names.
public enum TensorRole: String, Sendable, CaseIterable {
  case tokenEmbedding, attentionNorm, wq, wk, wv, wo, ffnNorm, w1, w2, w3, finalNorm
  /// The unused cosine and sine tables of v0 files.
  case ropeTables
  case classifier
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
}

/// The one table of tensor order, shapes and places: reading, writing and inspecting all use it.
public struct TensorLayout: Hashable, Sendable {
  /// The model's shape.
  public let config: ModelConfig
  /// The file's format.
  public let format: CheckpointFormat
  /// Every tensor, in file order.
  public let tensors: [TensorSpan]
  /// First byte after the weights, which is the file's size when no tokenizer is appended.
  public let weightsEnd: Int

  /// Lays out a file.
  ///
  /// - Throws: ``ModelFileError`` when a number is out of range, numbers contradict each other, or
  ///   sizes overflow.
  public init(config: ModelConfig, format: CheckpointFormat) throws {
    fatalError("skeleton")
  }
}
