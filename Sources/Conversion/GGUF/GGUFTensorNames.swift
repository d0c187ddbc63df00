import ModelFile

extension TensorRole {
  /// The GGUF name of the tensor (`gguf-py/gguf/constants.py`); `nil` for what GGUF does not have.
  ///
  /// GGUF keeps q and k in Meta's order of rows, which is the order of model files: no permutation.
  func ggufName(layer: Int) -> String? {
    switch self {
    case .tokenEmbedding: "token_embd.weight"
    case .attentionNorm: "blk.\(layer).attn_norm.weight"
    case .wq: "blk.\(layer).attn_q.weight"
    case .wk: "blk.\(layer).attn_k.weight"
    case .wv: "blk.\(layer).attn_v.weight"
    case .wo: "blk.\(layer).attn_output.weight"
    case .ffnNorm: "blk.\(layer).ffn_norm.weight"
    case .w1: "blk.\(layer).ffn_gate.weight"
    case .w2: "blk.\(layer).ffn_down.weight"
    case .w3: "blk.\(layer).ffn_up.weight"
    case .finalNorm: "output_norm.weight"
    case .classifier: "output.weight"
    case .ropeTables: nil
    }
  }
}

extension TensorTable {
  /// Refuses tensors that stand for a variant of the architecture, each by its name.
  func checkGGUFVariants(_ input: InputFile) throws {
    for name in names {
      if name == "rope_freqs.weight" {
        throw input.damaged(
          "has 'rope_freqs.weight': RoPE with scaled frequencies is not supported")
      }
      if name.hasSuffix(".bias") {
        throw input.damaged("has '\(name)': models with biases are not supported")
      }
      if name.contains("_exps.") || name.contains("ffn_gate_inp") {
        throw input.damaged("has '\(name)': mixture-of-experts models are not supported")
      }
    }
  }
}
