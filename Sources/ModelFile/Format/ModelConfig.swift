/// The shape of a Llama-2-family model: the numbers of llama2.c's header.
public struct ModelConfig: Hashable, Sendable {
  /// Width of the residual stream (`dim`).
  public var dim: Int
  /// Width of the feed-forward layer (`hidden_dim`).
  public var hiddenDim: Int
  /// Number of transformer blocks (`n_layers`).
  public var layers: Int
  /// Number of query heads (`n_heads`).
  public var heads: Int
  /// Number of key/value heads (`n_kv_heads`); divides ``heads``.
  public var kvHeads: Int
  /// Rows of the embedding and of the classifier (`vocab_size`).
  public var vocabSize: Int
  /// The longest sequence the model was exported for (`seq_len`), in tokens.
  public var contextLength: Int
  /// Whether the classifier is the token embedding (tied), so that the file has no `wcls`.
  public var sharedClassifier: Bool

  /// Creates a shape; ``TensorLayout`` is what checks it.
  public init(
    dim: Int, hiddenDim: Int, layers: Int, heads: Int, kvHeads: Int, vocabSize: Int,
    contextLength: Int, sharedClassifier: Bool
  ) {
    self.dim = dim
    self.hiddenDim = hiddenDim
    self.layers = layers
    self.heads = heads
    self.kvHeads = kvHeads
    self.vocabSize = vocabSize
    self.contextLength = contextLength
    self.sharedClassifier = sharedClassifier
  }

  /// Elements of one head.
  public var headSize: Int { dim / heads }
  /// Elements of all key (or value) heads of one position.
  public var kvDim: Int { headSize * kvHeads }
}
