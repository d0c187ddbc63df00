import ModelFile

/// The numbers of a Llama model in GGUF metadata, with everything refused that would change its text.
struct GGUFParameters {
  var dim: Int
  var hiddenDim: Int
  var layers: Int
  var heads: Int
  var kvHeads: Int
  var contextLength: Int
  var ropeTheta: Float
  var normEpsilon: Float
  /// `llama.` keys this program does not know.
  var unknownKeys: [String]

  private let metadata: GGUFMetadata
  private let input: InputFile

  /// Reads and checks the keys of architecture `llama`.
  init(_ file: GGUFFile) throws {
    metadata = file.metadata
    input = file.input
    try Self.checkArchitecture(file)
    func number(_ key: String) throws -> Int {
      guard let value = try file.metadata.uint32(key) else {
        throw file.input.damaged("lacks metadata '\(key)'; is it a whole model?")
      }
      return Int(value)
    }
    dim = try number("llama.embedding_length")
    hiddenDim = try number("llama.feed_forward_length")
    layers = try number("llama.block_count")
    heads = try number("llama.attention.head_count")
    kvHeads = try metadata.uint32("llama.attention.head_count_kv").map(Int.init) ?? heads
    contextLength = try number("llama.context_length")
    ropeTheta = try metadata.float("llama.rope.freq_base") ?? 10000
    guard let epsilon = try metadata.float("llama.attention.layer_norm_rms_epsilon") else {
      throw input.damaged("lacks metadata 'llama.attention.layer_norm_rms_epsilon'")
    }
    normEpsilon = epsilon
    unknownKeys = metadata.keys.filter { $0.hasPrefix("llama.") && !Self.knownKeys.contains($0) }
    guard ropeTheta > 0 else {
      throw input.damaged("llama.rope.freq_base is \(ropeTheta); expected more than 0")
    }
    guard normEpsilon > 0, normEpsilon < 1 else {
      throw input.damaged(
        "llama.attention.layer_norm_rms_epsilon is \(normEpsilon); expected between 0 and 1")
    }
    try checkVariants()
  }

  /// The model's shape; its numbers are checked by ``checkHeads()`` and ``TensorLayout``.
  func config(vocabSize: Int, sharedClassifier: Bool) -> ModelConfig {
    ModelConfig(
      dim: dim, hiddenDim: hiddenDim, layers: layers, heads: heads, kvHeads: kvHeads,
      vocabSize: vocabSize, contextLength: contextLength, sharedClassifier: sharedClassifier)
  }

  /// Checks that the heads share the width evenly and all of a head is rotated.
  func checkHeads() throws {
    guard heads > 0, dim % heads == 0 else {
      throw input.damaged("embedding length \(dim) is not a multiple of \(heads) heads")
    }
    let headSize = dim / heads
    for key in ["llama.attention.key_length", "llama.attention.value_length"] {
      guard let length = try metadata.uint32(key), Int(length) != headSize else { continue }
      throw input.damaged(
        "\(key) is \(length); only heads of embedding length / heads = \(headSize) are supported")
    }
    if let rotated = try metadata.uint32("llama.rope.dimension_count"), Int(rotated) != headSize {
      throw input.damaged(
        "llama.rope.dimension_count is \(rotated); only RoPE over the whole head "
          + "of \(headSize) is supported")
    }
  }

  private static let knownKeys: Set<String> = [
    "llama.embedding_length", "llama.feed_forward_length", "llama.block_count",
    "llama.attention.head_count", "llama.attention.head_count_kv", "llama.context_length",
    "llama.rope.freq_base", "llama.attention.layer_norm_rms_epsilon", "llama.vocab_size",
    "llama.attention.key_length", "llama.attention.value_length", "llama.rope.dimension_count",
    "llama.expert_count", "llama.expert_used_count", "llama.rope.scaling.type",
    "llama.rope.scaling.factor", "llama.rope.scale_linear", "llama.attention.scale",
    "llama.tensor_data_layout",
  ]

  private static func checkArchitecture(_ file: GGUFFile) throws {
    guard let architecture = try file.metadata.string("general.architecture") else {
      throw file.input.damaged("lacks metadata 'general.architecture'; is it a model?")
    }
    guard architecture == "llama" else {
      throw file.input.damaged(
        "is a model of architecture '\(architecture)'; only 'llama' can be converted")
    }
  }

  private func checkVariants() throws {
    try checkSplit()
    if let experts = try metadata.uint32("llama.expert_count"), experts > 0 {
      throw input.damaged(
        "has \(experts) experts (llama.expert_count); mixture-of-experts models are not supported")
    }
    if let type = try metadata.string("llama.rope.scaling.type"), type != "none" {
      throw input.damaged("has RoPE scaling of type '\(type)', which is not supported")
    }
    for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
      if let factor = try metadata.float(key), factor != 1 {
        throw input.damaged("\(key) is \(factor); RoPE scaling is not supported")
      }
    }
    if let scale = try metadata.float("llama.attention.scale"), scale != 0 {
      throw input.damaged("llama.attention.scale is \(scale); a scale of its own is not supported")
    }
  }

  private func checkSplit() throws {
    guard let parts = try metadata.uint16("split.count"), parts > 1 else { return }
    let part = Int(try metadata.uint16("split.no") ?? 0) + 1
    throw input.damaged(
      "is part \(part) of \(parts) of a split model; "
        + "join the parts with `llama-gguf-split --merge` first")
  }
}
