import ModelFile

/// A small seeded model: random weights of the usual scale, written as any format.
public enum TinyModel {
  /// Two blocks of grouped-query attention, all widths multiples of 64, tied classifier.
  public static let config = ModelConfig(
    dim: 64, hiddenDim: 192, layers: 2, heads: 4, kvHeads: 2, vocabSize: 512, contextLength: 128,
    sharedClassifier: true)

  /// ``config`` with a classifier of its own.
  public static var separateClassifierConfig: ModelConfig {
    var config = config
    config.sharedClassifier = false
    return config
  }

  /// A model's weights: per role, one row-major array per layer.
  public typealias Weights = [TensorRole: [[Float]]]

  /// The weights of a seed; the same on every machine and in every format.
  ///
  /// Norms are near 1, matrices uniform with standard deviation 1/sqrt(columns), embeddings with 1.
  public static func weights(config: ModelConfig = config, seed: UInt64 = 1) -> Weights {
    var random = SeededGenerator(seed: seed)
    var weights: Weights = [:]
    for role in TensorRole.allCases where role != .ropeTables {
      guard role != .classifier || !config.sharedClassifier else { continue }
      let (rows, columns) = role.shape(config)
      weights[role] = (0..<(role.isPerLayer ? config.layers : 1)).map { _ in
        (0..<(rows * columns)).map { _ in
          // A uniform number in -1..<1 has standard deviation 1/sqrt(3).
          let uniform = Float(random.next() >> 40) / Float(1 << 23) - 1
          if role.isNorm { return 1 + 0.1 * uniform }
          let deviation = role == .tokenEmbedding ? 1 : 1 / Float(columns).squareRoot()
          return uniform * deviation * Float(3).squareRoot()
        }
      }
    }
    return weights
  }

  /// Writes a model of seeded weights and returns them.
  ///
  /// With a tokenizer section, `metadata` must name its kind.
  @discardableResult
  public static func write(
    to path: String, config: ModelConfig = config, format: CheckpointFormat = .v1,
    metadata: ModelMetadata = ModelMetadata(), tokenizerSection: [UInt8]? = nil, seed: UInt64 = 1,
    overwrite: Bool = false, writesExtension: Bool = true
  ) throws -> Weights {
    let weights = weights(config: config, seed: seed)
    let writer = try CheckpointWriter(
      path: path, config: config, format: format, metadata: metadata,
      tokenizerSection: tokenizerSection, overwrite: overwrite, writesExtension: writesExtension)
    try writer.append(weights)
    try writer.finish()
    return weights
  }
}

extension CheckpointWriter {
  /// Appends every tensor that the layout has and `weights` knows, in file order.
  public func append(_ weights: TinyModel.Weights) throws {
    for span in layout.tensors {
      guard let values = weights[span.role]?[span.layer] else { continue }
      try values.withUnsafeBufferPointer { try append($0) }
    }
  }
}
