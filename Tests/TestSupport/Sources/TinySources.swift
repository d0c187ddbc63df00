import Foundation
import ModelFile
import Tokenization

/// The tiny model of ``TinyModel`` as every kind of source: the same weights, rounded so that they are exact
/// as F32, F16 and BF16.
package struct TinySources {
  package let config: ModelConfig
  package let weights: TinyModel.Weights
  /// The name that all outputs carry.
  package static let name = "Tiny"

  package init(config: ModelConfig = TinyModel.separateClassifierConfig) {
    self.config = config
    weights = TinyModel.weights(config: config).mapValues { layers in
      layers.map { $0.map(Self.rounded) }
    }
  }

  /// Eight bits of significand, and nothing so small that a half would be subnormal.
  private static func rounded(_ value: Float) -> Float {
    let kept = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    return kept.magnitude < 0x1p-12 ? 0 : kept
  }

  /// Every tensor with its place, in the order of a version 1 file.
  private var tensors: [(role: TensorRole, layer: Int, values: [Float])] {
    let layout = try? TensorLayout(config: config, format: .v1)
    return (layout?.tensors ?? []).map { ($0.role, $0.layer, weights[$0.role]?[$0.layer] ?? []) }
  }

  private func shape(_ role: TensorRole) -> [Int] {
    let (rows, columns) = role.shape(config)
    return role.isNorm ? [columns] : [rows, columns]
  }

  // MARK: - Hugging Face

  /// q and k in Hugging Face's order: in each head the first halves of all pairs, then the second ones.
  private func inHalves(_ values: [Float]) -> [Float] {
    let (size, width) = (config.headSize, config.dim)
    return stride(from: 0, to: values.count, by: size * width).flatMap { head -> [Float] in
      (0..<size).flatMap { row -> ArraySlice<Float> in
        let pairRow = 2 * (row % (size / 2)) + row / (size / 2)
        let start = head + pairRow * width
        return values[start..<start + width]
      }
    }
  }

  private func huggingFaceName(_ role: TensorRole, _ layer: Int) -> String {
    let names: [TensorRole: String] = [
      .tokenEmbedding: "embed_tokens", .finalNorm: "norm", .attentionNorm: "input_layernorm",
      .ffnNorm: "post_attention_layernorm", .wq: "self_attn.q_proj", .wk: "self_attn.k_proj",
      .wv: "self_attn.v_proj", .wo: "self_attn.o_proj", .w1: "mlp.gate_proj", .w2: "mlp.down_proj",
      .w3: "mlp.up_proj",
    ]
    if role == .classifier { return "lm_head.weight" }
    let block = role.isPerLayer ? "layers.\(layer)." : ""
    return "model.\(block)\(names[role] ?? "").weight"
  }

  /// `model.safetensors`.
  package func safetensors() -> SafetensorsBuilder {
    SafetensorsBuilder(
      tensors.map { role, layer, values in
        .init(
          huggingFaceName(role, layer), shape: shape(role),
          values: role == .wq || role == .wk ? inHalves(values) : values)
      })
  }

  /// The members of `config.json`, as JSON text by key.
  package var huggingFaceConfig: [String: String] {
    [
      "architectures": #"["LlamaForCausalLM"]"#, "model_type": #""llama""#,
      "hidden_size": "\(config.dim)", "intermediate_size": "\(config.hiddenDim)",
      "num_hidden_layers": "\(config.layers)", "num_attention_heads": "\(config.heads)",
      "num_key_value_heads": "\(config.kvHeads)", "vocab_size": "\(config.vocabSize)",
      "max_position_embeddings": "\(config.contextLength)", "rms_norm_eps": "1e-05",
      "rope_theta": "10000.0", "bos_token_id": "1", "eos_token_id": "2",
      "tie_word_embeddings": "\(config.sharedClassifier)",
    ]
  }

  /// Writes config.json and tokenizer.model into a new directory called ``name``; weights are still to come.
  package func makeHuggingFace(
    in folder: TemporaryDirectory, _ changes: [String: String?] = [:]
  ) throws -> String {
    try FileManager.default.createDirectory(
      atPath: folder.file(Self.name), withIntermediateDirectories: true)
    let members = huggingFaceConfig.merging(changes.compactMapValues { $0 }) { $1 }
      .filter { changes[$0.key] != .some(nil) }
    let json = members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
    try folder.write("\(Self.name)/config.json", Array("{\(json)}".utf8))
    try writeTokenizer(folder)
    return folder.file(Self.name)
  }

  /// Writes a directory with everything.
  package func writeHuggingFace(
    in folder: TemporaryDirectory, type: String = "F32", _ changes: [String: String?] = [:]
  ) throws -> String {
    let directory = try makeHuggingFace(in: folder, changes)
    var builder = safetensors()
    if type != "F32" { builder.store(as: type) }
    try folder.write("\(Self.name)/model.safetensors", builder.bytes())
    return directory
  }

  private func writeTokenizer(_ folder: TemporaryDirectory) throws {
    try folder.write(
      "\(Self.name)/tokenizer.model", TinyVocabulary.sentencePiece().sentencePieceModel())
  }

  /// The weights as old Hugging Face files have them.
  package func huggingFaceTorch(storage: String) -> ZipBuilder {
    PickleBuilder.stateFile(
      tensors.map { role, layer, values in
        var tensor = PickleBuilder.Tensor(
          huggingFaceName(role, layer), shape: shape(role),
          values: role == .wq || role == .wk ? inHalves(values) : values)
        tensor.storage = storage
        return tensor
      })
  }

  // MARK: - Meta and llama2.c

  private func metaName(_ role: TensorRole, _ layer: Int) -> String {
    let names: [TensorRole: String] = [
      .tokenEmbedding: "tok_embeddings", .finalNorm: "norm", .attentionNorm: "attention_norm",
      .ffnNorm: "ffn_norm", .wq: "attention.wq", .wk: "attention.wk", .wv: "attention.wv",
      .wo: "attention.wo", .w1: "feed_forward.w1", .w2: "feed_forward.w2", .w3: "feed_forward.w3",
      .classifier: "output",
    ]
    let block = role.isPerLayer ? "layers.\(layer)." : ""
    return "\(block)\(names[role] ?? "").weight"
  }

  /// The tensors of one of `count` shards.
  package func metaShard(_ index: Int, of count: Int) -> [PickleBuilder.Tensor] {
    tensors.map { role, layer, values in
      let (rows, columns) = role.shape(config)
      let name = metaName(role, layer)
      if role.isNorm { return .init(name, shape: [columns], values: values) }
      guard [.tokenEmbedding, .wo, .w2].contains(role) else {
        let part = values.count / count
        return .init(
          name, shape: [rows / count, columns],
          values: Array(values[index * part..<(index + 1) * part]))
      }
      let width = columns / count
      let part = (0..<rows).flatMap { row -> ArraySlice<Float> in
        let start = row * columns + index * width
        return values[start..<start + width]
      }
      return .init(name, shape: [rows, width], values: part)
    }
  }

  /// Writes a Meta directory.
  package func writeMeta(in folder: TemporaryDirectory, shards: Int) throws -> String {
    let directory = folder.file(Self.name)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let json = """
      {"dim": \(config.dim), "n_layers": \(config.layers), "n_heads": \(config.heads),
       "n_kv_heads": \(config.kvHeads), "vocab_size": -1, "norm_eps": 1e-05,
       "max_seq_len": \(config.contextLength)}
      """
    try folder.write("\(Self.name)/params.json", Array(json.utf8))
    for index in 0..<shards {
      var tensors = metaShard(index, of: shards)
      for number in tensors.indices { tensors[number].storage = "BFloat16Storage" }
      tensors.append(.init("rope.freqs", shape: [2], values: [1, 1]))
      try folder.write(
        "\(Self.name)/consolidated.0\(index).pth", PickleBuilder.stateFile(tensors).bytes())
    }
    try writeTokenizer(folder)
    return directory
  }

  /// `ckpt.pt` of llama2.c's train.py, compiled by torch.
  package func checkpoint() -> ZipBuilder {
    var tensors = metaShard(0, of: 1)
    for index in tensors.indices { tensors[index].name = "_orig_mod." + tensors[index].name }
    return PickleBuilder.checkpoint(
      tensors,
      arguments: [
        ("dim", config.dim), ("n_layers", config.layers), ("n_heads", config.heads),
        ("n_kv_heads", config.kvHeads), ("vocab_size", config.vocabSize),
        ("max_seq_len", config.contextLength),
      ])
  }

  // MARK: - GGUF

  /// The model with its tokenizer as a GGUF file.
  package func gguf() -> GGUFBuilder {
    let vocabulary = TinyVocabulary.sentencePiece()
    var builder = GGUFBuilder()
    builder.set("general.architecture", string: "llama")
    builder.set("general.name", string: Self.name)
    builder.set("llama.embedding_length", uint32: UInt32(config.dim))
    builder.set("llama.feed_forward_length", uint32: UInt32(config.hiddenDim))
    builder.set("llama.block_count", uint32: UInt32(config.layers))
    builder.set("llama.context_length", uint32: UInt32(config.contextLength))
    builder.set("llama.attention.head_count", uint32: UInt32(config.heads))
    builder.set("llama.attention.head_count_kv", uint32: UInt32(config.kvHeads))
    builder.set("llama.attention.layer_norm_rms_epsilon", float: 1e-5)
    builder.set("tokenizer.ggml.model", string: "llama")
    builder.set(
      "tokenizer.ggml.tokens",
      strings: vocabulary.pieces.map { String(decoding: $0, as: UTF8.self) })
    builder.set("tokenizer.ggml.scores", floats: vocabulary.scores)
    builder.set(
      "tokenizer.ggml.token_type", int32s: vocabulary.kinds.map { Int32($0.rawValue) })
    builder.set("tokenizer.ggml.bos_token_id", uint32: 1)
    builder.set("tokenizer.ggml.eos_token_id", uint32: 2)
    let names: [TensorRole: String] = [
      .tokenEmbedding: "token_embd", .finalNorm: "output_norm", .attentionNorm: "attn_norm",
      .ffnNorm: "ffn_norm", .wq: "attn_q", .wk: "attn_k", .wv: "attn_v", .wo: "attn_output",
      .w1: "ffn_gate", .w2: "ffn_down", .w3: "ffn_up", .classifier: "output",
    ]
    for (role, layer, values) in tensors {
      let (rows, columns) = role.shape(config)
      let block = role.isPerLayer ? "blk.\(layer)." : ""
      builder.add(
        "\(block)\(names[role] ?? "").weight", rows: role.isNorm ? nil : rows, columns: columns,
        values: values)
    }
    return builder
  }
}
