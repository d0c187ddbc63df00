/// GGUF files that are well formed, but whose model or tokenizer would come out wrong.
extension SourceDamage {
  package static let refusedModels: [SourceDamage] = [
    .gguf("architecture", "architecture 'falcon'") {
      $0.set("general.architecture", string: "falcon")
    },
    .gguf("no architecture", "lacks metadata 'general.architecture'") {
      $0.remove("general.architecture")
    },
    .gguf("no width", "lacks metadata 'llama.embedding_length'") {
      $0.remove("llama.embedding_length")
    },
    .gguf("no epsilon", "lacks metadata 'llama.attention.layer_norm_rms_epsilon'") {
      $0.remove("llama.attention.layer_norm_rms_epsilon")
    },
    .gguf("epsilon 0", "expected between 0 and 1") {
      $0.set("llama.attention.layer_norm_rms_epsilon", float: 0)
    },
    .gguf("epsilon NaN", "expected a finite number") {
      $0.set("llama.attention.layer_norm_rms_epsilon", float: .nan)
    },
    .gguf("theta -1", "expected more than 0") { $0.set("llama.rope.freq_base", float: -1) },
    .gguf("no heads", "0 heads") { $0.set("llama.attention.head_count", uint32: 0) },
    .gguf("heads", "not a multiple of 3 heads") {
      $0.set("llama.attention.head_count", uint32: 3)
    },
    .gguf("no key/value heads", "n_kv_heads is 0") {
      $0.set("llama.attention.head_count_kv", uint32: 0)
    },
    .gguf("many blocks", "n_layers is 4294967295") { $0.set("llama.block_count", uint32: .max) },
    .gguf("no context", "seq_len is 0") { $0.set("llama.context_length", uint32: 0) },
    .gguf("head size", "llama.attention.key_length is 8") {
      $0.set("llama.attention.key_length", uint32: 8)
    },
    .gguf("partial RoPE", "llama.rope.dimension_count is 2") {
      $0.set("llama.rope.dimension_count", uint32: 2)
    },
    .gguf("RoPE scaling", "RoPE scaling of type 'linear'") {
      $0.set("llama.rope.scaling.type", string: "linear")
    },
    .gguf("RoPE factor", "llama.rope.scaling.factor is 4") {
      $0.set("llama.rope.scaling.factor", float: 4)
    },
    .gguf("attention scale", "llama.attention.scale is 0.5") {
      $0.set("llama.attention.scale", float: 0.5)
    },
    .gguf("experts", "has 8 experts") { $0.set("llama.expert_count", uint32: 8) },
    .gguf("split", "part 1 of 3") { $0.set("split.count", uint16: 3) },
    .gguf("RoPE frequencies", "has 'rope_freqs.weight'") {
      $0.add("rope_freqs.weight", columns: 2, values: [1, 1])
    },
    .gguf("bias", "has 'blk.0.attn_q.bias'") {
      $0.add("blk.0.attn_q.bias", columns: 8, values: GGUFBuilder.values(8, seed: 1))
    },
    .gguf("expert tensor", "mixture-of-experts") {
      $0.add("blk.0.ffn_gate_exps.weight", columns: 8, values: GGUFBuilder.values(8, seed: 1))
    },
    .gguf("unknown tensor", "'blk.0.attn_sinks.weight' that a Llama-2 model does not have") {
      $0.add("blk.0.attn_sinks.weight", columns: 8, values: GGUFBuilder.values(8, seed: 1))
    },
    .gguf("no embedding", "lacks tensor 'token_embd.weight'") {
      $0.remove(tensor: "token_embd.weight")
    },
    .gguf("missing tensors", "lacks 2 tensors: 'blk.0.attn_norm.weight', 'blk.0.attn_k.weight'") {
      $0.remove(tensor: "blk.0.attn_k.weight")
      $0.remove(tensor: "blk.0.attn_norm.weight")
    },
    .gguf("shape", "has 16 rows of 8 values; expected 8 rows of 16") {
      $0.change("blk.0.ffn_down.weight") { $0.dimensions = [8, 16] }
    },
  ]

  package static let refusedTokenizers: [SourceDamage] = [
    .gguf("none", "has no tokenizer") { $0.remove("tokenizer.ggml.model") },
    .gguf("unknown", "tokenizer of model 't5'") { $0.set("tokenizer.ggml.model", string: "t5") },
    .gguf("no tokens", "lacks metadata 'tokenizer.ggml.tokens'") {
      $0.remove("tokenizer.ggml.tokens")
    },
    .gguf("empty", "empty vocabulary") { $0.set("tokenizer.ggml.tokens", strings: []) },
    .gguf("scores", "'tokenizer.ggml.scores' has 2 elements for a vocabulary of 8") {
      $0.set("tokenizer.ggml.scores", floats: [0, 0])
    },
    .gguf("NaN score", "expected a finite number") {
      $0.set("tokenizer.ggml.scores", floats: [0, 0, 0, 0, 0, 0, 0, .nan])
    },
    .gguf("types", "'tokenizer.ggml.token_type' has 1 elements") {
      $0.set("tokenizer.ggml.token_type", int32s: [1])
    },
    .gguf("type 7", "token 3 has type 7") {
      $0.set("tokenizer.ggml.token_type", int32s: [2, 3, 3, 7, 1, 1, 1, 1])
    },
    .gguf("type -1", "token 3 has type -1") {
      $0.set("tokenizer.ggml.token_type", int32s: [2, 3, 3, -1, 1, 1, 1, 1])
    },
    .gguf("byte -1", "byte token 3 is \"<0x-1>\"") {
      $0.set("tokenizer.ggml.tokens", strings: ["u", "s", "e", "<0x-1>", "c", "a", "b", "d"])
    },
    .gguf("duplicate piece", "tokens 5 and 7 are both \"a\"") {
      $0.set("tokenizer.ggml.tokens", strings: ["u", "s", "e", "<0x0A>", "c", "a", "b", "a"])
    },
    .gguf("bos", "tokenizer.ggml.bos_token_id is 8; the vocabulary has 8 tokens") {
      $0.set("tokenizer.ggml.bos_token_id", uint32: 8)
    },
    .gguf("more tokens than rows", "has 9 tokens for 8 rows") {
      $0.set("tokenizer.ggml.tokens", strings: GGUFBuilder.tinyPieces + ["c"])
      $0.set("tokenizer.ggml.scores", floats: [0, 0, 0, 0, -1, -2, -3, -4, -5])
      $0.set("tokenizer.ggml.token_type", int32s: [2, 3, 3, 6, 1, 1, 1, 1, 1])
    },
    .gguf("normalisation", "precompiled_charsmap") {
      $0.set(
        "tokenizer.ggml.precompiled_charsmap",
        raw: le(UInt32(9)) + le(UInt32(0)) + le(UInt64(1)) + [7])
    },
    .gguf("pre-tokenizer", "pre-tokenizer 'llama-bpe'", base: { .tinySmolLM() }) {
      $0.set("tokenizer.ggml.pre", string: "llama-bpe")
    },
    .gguf("not in the alphabet", "token 3 is \" \"", base: { .tinySmolLM() }) {
      $0.set(
        "tokenizer.ggml.tokens", strings: ["e", "s", "f", " ", "a", "\u{C3}", "\u{A9}", "\u{120}a"])
    },
    .gguf("no merges", "lacks metadata 'tokenizer.ggml.merges'", base: { .tinySmolLM() }) {
      $0.remove("tokenizer.ggml.merges")
    },
    .gguf("merge of one", "merge 0 is \"a\"", base: { .tinySmolLM() }) {
      $0.set("tokenizer.ggml.merges", strings: ["a"])
    },
    .gguf("merge of the unknown", "not in the vocabulary", base: { .tinySmolLM() }) {
      $0.set("tokenizer.ggml.merges", strings: ["a a"])
    },
    .gguf("byte-level without bos", "bos_token_id", base: { .tinySmolLM() }) {
      $0.remove("tokenizer.ggml.bos_token_id")
    },
  ]
}
