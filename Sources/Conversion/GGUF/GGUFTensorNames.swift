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

/// The tensors of a GGUF file by the place they take in a model file.
struct GGUFTensorTable {
  private var byName: [String: GGUFTensor]

  init(_ file: GGUFFile) {
    byName = Dictionary(file.tensors.map { ($0.name, $0) }) { first, _ in first }
  }

  /// A tensor by its name.
  subscript(name: String) -> GGUFTensor? { byName[name] }

  /// The tensors in the order and shapes of `layout`.
  ///
  /// - Throws: ``ConversionError`` when one is missing, has another shape, or is left over.
  func tensors(for layout: TensorLayout, _ input: InputFile) throws -> [GGUFTensor] {
    var missing: [String] = []
    var unused = Set(byName.keys)
    let tensors: [GGUFTensor] = try layout.tensors.compactMap { span in
      guard let name = span.role.ggufName(layer: span.layer) else { return nil }
      guard let tensor = byName[name] else {
        missing.append(name)
        return nil
      }
      unused.remove(name)
      guard tensor.rows == span.rows, tensor.columns == span.columns else {
        throw input.damaged(
          "tensor '\(name)' has \(tensor.rows) rows of \(tensor.columns) values; "
            + "expected \(span.rows) rows of \(span.columns)")
      }
      return tensor
    }
    guard missing.isEmpty else {
      throw input.damaged("lacks \(list(missing, of: "tensor"))")
    }
    // A tied classifier that is there all the same is a copy of the embedding.
    if layout.config.sharedClassifier { unused.remove("output.weight") }
    guard unused.isEmpty else {
      throw input.damaged(
        "has \(list(unused.sorted(), of: "tensor")) that a Llama-2 model does not have; "
          + "without it the text would be wrong")
    }
    return tensors
  }

  /// Refuses tensors that stand for a variant of the architecture, each by its name.
  func checkVariants(_ input: InputFile) throws {
    for name in byName.keys.sorted() {
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

  /// The first few names, and how many there are.
  private func list(_ names: [String], of noun: String) -> String {
    let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    guard names.count > 1 else { return "\(noun) \(shown)" }
    return "\(names.count) \(noun)s: \(shown)" + (names.count > 5 ? ", …" : "")
  }
}
