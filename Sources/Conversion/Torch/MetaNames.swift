import ModelFile

extension TensorRole {
  /// The name in Meta's and llama2.c's torch models; `nil` for what they do not have.
  func metaName(layer: Int) -> String? {
    let block = "layers.\(layer)"
    return switch self {
    case .tokenEmbedding: "tok_embeddings.weight"
    case .attentionNorm: "\(block).attention_norm.weight"
    case .wq: "\(block).attention.wq.weight"
    case .wk: "\(block).attention.wk.weight"
    case .wv: "\(block).attention.wv.weight"
    case .wo: "\(block).attention.wo.weight"
    case .ffnNorm: "\(block).ffn_norm.weight"
    case .w1: "\(block).feed_forward.w1.weight"
    case .w2: "\(block).feed_forward.w2.weight"
    case .w3: "\(block).feed_forward.w3.weight"
    case .finalNorm: "norm.weight"
    case .classifier: "output.weight"
    case .ropeTables: nil
    }
  }

  /// Tables of RoPE that checkpoints keep although they can be computed.
  static func isMetaTable(_ name: String) -> Bool {
    ["rope.freqs", "freqs_cos", "freqs_sin"].contains(name) || name.hasSuffix(".mask")
  }
}
