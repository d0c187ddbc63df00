extension GGUFBuilder {
  /// The pieces of ``tinyLlama()``'s SentencePiece vocabulary.
  package static let tinyPieces = [
    "<unk>", "<s>", "</s>", "<0x0A>", "\u{2581}", "a", "b", "\u{2581}a",
  ]

  /// A right file of the smallest kind: one block, fp32, tied classifier, SentencePiece.
  package static func tinyLlama() -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.set("general.architecture", string: "llama")
    builder.set("general.name", string: "Tiny")
    builder.set("llama.embedding_length", uint32: 8)
    builder.set("llama.feed_forward_length", uint32: 16)
    builder.set("llama.block_count", uint32: 1)
    builder.set("llama.context_length", uint32: 32)
    builder.set("llama.attention.head_count", uint32: 2)
    builder.set("llama.attention.head_count_kv", uint32: 1)
    builder.set("llama.attention.layer_norm_rms_epsilon", float: 1e-6)
    builder.set("tokenizer.ggml.model", string: "llama")
    builder.set("tokenizer.ggml.tokens", strings: tinyPieces)
    builder.set("tokenizer.ggml.scores", floats: [0, 0, 0, 0, -1, -2, -3, -4])
    builder.set("tokenizer.ggml.token_type", int32s: [2, 3, 3, 6, 1, 1, 1, 1])
    builder.set("tokenizer.ggml.bos_token_id", uint32: 1)
    builder.set("tokenizer.ggml.eos_token_id", uint32: 2)
    builder.addTinyTensors()
    return builder
  }

  /// The same model with the byte-level tokenizer of SmolLM2 in small.
  package static func tinySmolLM() -> GGUFBuilder {
    var builder = tinyLlama()
    builder.remove("tokenizer.ggml.scores")
    builder.set("tokenizer.ggml.model", string: "gpt2")
    builder.set("tokenizer.ggml.pre", string: "smollm")
    let pieces = [
      "<|endoftext|>", "<|im_start|>", "<|im_end|>", "\u{120}", "a", "\u{C3}", "\u{A9}",
    ]
    builder.set("tokenizer.ggml.tokens", strings: pieces + ["\u{120}a"])
    builder.set("tokenizer.ggml.token_type", int32s: [3, 3, 3, 1, 1, 1, 1, 1])
    builder.set("tokenizer.ggml.merges", strings: ["\u{120} a"])
    builder.set("tokenizer.ggml.unknown_token_id", uint32: 0)
    builder.set("tokenizer.ggml.add_bos_token", bool: false)
    return builder
  }

  /// Small values that differ from tensor to tensor and are exact in every format tested.
  package static func values(_ count: Int, seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 37 + seed * 101) % 255 - 127) / 64 }
  }

  private mutating func addTinyTensors() {
    func add(_ name: String, _ rows: Int?, _ columns: Int) {
      let values = Self.values((rows ?? 1) * columns, seed: tensors.count)
      self.add(name, rows: rows, columns: columns, values: values)
    }
    add("token_embd.weight", 8, 8)
    add("blk.0.attn_norm.weight", nil, 8)
    add("blk.0.attn_q.weight", 8, 8)
    add("blk.0.attn_k.weight", 4, 8)
    add("blk.0.attn_v.weight", 4, 8)
    add("blk.0.attn_output.weight", 8, 8)
    add("blk.0.ffn_norm.weight", nil, 8)
    add("blk.0.ffn_gate.weight", 16, 8)
    add("blk.0.ffn_up.weight", 16, 8)
    add("blk.0.ffn_down.weight", 8, 16)
    add("output_norm.weight", nil, 8)
  }
}
