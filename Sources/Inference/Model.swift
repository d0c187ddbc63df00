import ModelFile

/// A loaded model: typed weights inside the mapped file.
///
/// Immutable, shared by any number of engines.
public final class Model: Sendable {
  /// The file the weights live in.
  public let checkpoint: Checkpoint
  /// Views into ``checkpoint``, which keeps them valid.
  let weights: Weights
  /// Bytes of weights read to decode one token.
  public let bytesPerToken: Int
  /// Multiply-adds of a prompt's token in the matrices, attention and classifier not counted.
  public let multiplyAddsPerToken: Int

  /// Takes the weights of a checkpoint; nothing is copied.
  public init(checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    weights = Weights(checkpoint)
    bytesPerToken = weights.bytesPerToken
    multiplyAddsPerToken = weights.multiplyAddsPerToken
  }

  /// The model's shape.
  public var config: ModelConfig { checkpoint.config }
  /// RoPE base, special tokens, template.
  public var metadata: ModelMetadata { checkpoint.metadata }
}
