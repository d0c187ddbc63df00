/// What a tensor is, by the field's names.
public enum TensorRole: String, Sendable, CaseIterable {
  case tokenEmbedding, attentionNorm, wq, wk, wv, wo, ffnNorm, w1, w2, w3, finalNorm
  /// The unused cosine and sine tables of v0 files.
  case ropeTables
  case classifier

  /// Whether each block has its own.
  public var isPerLayer: Bool {
    switch self {
    case .tokenEmbedding, .finalNorm, .ropeTables, .classifier: false
    case .attentionNorm, .wq, .wk, .wv, .wo, .ffnNorm, .w1, .w2, .w3: true
    }
  }

  /// Whether it is an RMSNorm's gain, which stays fp32 in every format.
  public var isNorm: Bool {
    switch self {
    case .attentionNorm, .ffnNorm, .finalNorm: true
    default: false
    }
  }

  /// Rows (output features) and columns (input features) of one layer's tensor.
  public func shape(_ config: ModelConfig) -> (rows: Int, columns: Int) {
    switch self {
    case .tokenEmbedding, .classifier: (config.vocabSize, config.dim)
    case .attentionNorm, .ffnNorm, .finalNorm: (1, config.dim)
    case .wq, .wo: (config.dim, config.dim)
    case .wk, .wv: (config.kvDim, config.dim)
    case .w1, .w3: (config.hiddenDim, config.dim)
    case .w2: (config.dim, config.hiddenDim)
    // All cosines, then all sines; one of each per position and pair.
    case .ropeTables: (2 * config.contextLength, config.headSize / 2)
    }
  }
}
