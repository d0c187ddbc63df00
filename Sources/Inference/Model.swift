import ModelFile

/// A loaded model: typed weights inside the mapped file.
///
/// Immutable, shared by any number of engines.
public final class Model: Sendable {
  /// The file the weights live in.
  public let checkpoint: Checkpoint

  /// Takes the weights of a checkpoint; nothing is copied.
  public init(checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
  }

  /// The model's shape.
  public var config: ModelConfig { checkpoint.config }
  /// RoPE base, special tokens, template.
  public var metadata: ModelMetadata { checkpoint.metadata }
  /// Bytes of weights read to decode one token.
  public var bytesPerToken: Int { fatalError("skeleton") }
}
