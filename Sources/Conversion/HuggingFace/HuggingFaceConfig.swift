import ModelFile

/// The numbers of a Llama model in `config.json`, with everything refused that would change its text.
struct HuggingFaceConfig {
  private let json: JSONValue
  private let input: InputFile

  let dim: Int
  let hiddenDim: Int
  let layers: Int
  let heads: Int
  let kvHeads: Int
  let vocabSize: Int
  let contextLength: Int
  let ropeTheta: Float
  let normEpsilon: Float
  let bos: Int32?
  /// Ids that end a reply; the first is the end of a sequence.
  let ends: [Int32]
  /// Whether the classifier is said to be the embedding; the tensors have the last word.
  let tiesEmbeddings: Bool?

  /// Reads and checks `config.json`, and the token ids of `generation_config.json` if there is one.
  init(path: String, generation: JSONValue?) throws {
    let input = try InputFile(path: path)
    let json = try input.json(limit: 4 << 20)
    (self.input, self.json) = (input, json)
    guard json.members != nil else { throw input.damaged("is not a JSON object") }
    try Self.checkArchitecture(json, input)
    func number(_ key: String) throws -> Int {
      guard let value = json[key]?.nonNull else { throw input.damaged("lacks '\(key)'") }
      return try Self.integer(value, key, input)
    }
    dim = try number("hidden_size")
    hiddenDim = try number("intermediate_size")
    layers = try number("num_hidden_layers")
    heads = try number("num_attention_heads")
    kvHeads =
      json["num_key_value_heads"]?.nonNull == nil ? heads : try number("num_key_value_heads")
    vocabSize = try number("vocab_size")
    contextLength =
      json["max_position_embeddings"]?.nonNull == nil
      ? 2048 : try number("max_position_embeddings")
    ropeTheta = try Self.theta(json, input)
    normEpsilon = try Self.float(json["rms_norm_eps"]?.nonNull, "rms_norm_eps", input) ?? 1e-6
    guard normEpsilon > 0, normEpsilon < 1 else {
      throw input.damaged("rms_norm_eps is \(normEpsilon); expected between 0 and 1")
    }
    bos = try Self.ids(json["bos_token_id"] ?? generation?["bos_token_id"], "bos_token_id", input)
      .first
    ends = try Self.ids(
      generation?["eos_token_id"]?.nonNull ?? json["eos_token_id"], "eos_token_id", input)
    tiesEmbeddings = json["tie_word_embeddings"]?.bool
    try checkVariants()
  }

  /// What the model calls itself; empty when it does not.
  var name: String { json["_name_or_path"]?.text ?? "" }

  /// The model's shape; its numbers are checked by ``TensorLayout``.
  func config(sharedClassifier: Bool) -> ModelConfig {
    ModelConfig(
      dim: dim, hiddenDim: hiddenDim, layers: layers, heads: heads, kvHeads: kvHeads,
      vocabSize: vocabSize, contextLength: contextLength, sharedClassifier: sharedClassifier)
  }

  // MARK: - Values

  private static func integer(_ value: JSONValue, _ key: String, _ input: InputFile) throws -> Int {
    guard let number = value.int, 0...Int(Int32.max) ~= number else {
      throw input.damaged("'\(key)' is \(value.summary); expected a whole number")
    }
    return number
  }

  private static func float(
    _ value: JSONValue?, _ key: String, _ input: InputFile
  ) throws -> Float? {
    guard let value else { return nil }
    guard let number = value.double, Float(number).isFinite else {
      throw input.damaged("'\(key)' is \(value.summary); expected a number")
    }
    return Float(number)
  }

  /// One id or a list of them; none when absent.
  private static func ids(
    _ value: JSONValue?, _ key: String, _ input: InputFile
  ) throws -> [Int32] {
    guard let value = value?.nonNull else { return [] }
    return try (value.elements ?? [value]).map { Int32(clamping: try integer($0, key, input)) }
  }

  /// The base of RoPE: at the top level, or where transformers 5 keeps it.
  private static func theta(_ json: JSONValue, _ input: InputFile) throws -> Float {
    let value = json["rope_theta"]?.nonNull ?? json["rope_parameters"]?["rope_theta"]?.nonNull
    let theta = try float(value, "rope_theta", input) ?? 10000
    guard theta > 0 else { throw input.damaged("rope_theta is \(theta); expected more than 0") }
    return theta
  }

  // MARK: - Variants

  private static func checkArchitecture(_ json: JSONValue, _ input: InputFile) throws {
    let known = ["LlamaForCausalLM", "MistralForCausalLM"]
    let names = json["architectures"]?.elements?.compactMap(\.text) ?? []
    let type = json["model_type"]?.text
    guard names.contains(where: known.contains) || names.isEmpty && type == "llama" else {
      let found = names.first ?? type ?? "unknown"
      throw input.damaged(
        "is of architecture '\(found)'; only LlamaForCausalLM and MistralForCausalLM can be converted"
      )
    }
    if let window = json["sliding_window"]?.nonNull,
      json["use_sliding_window"]?.bool != false, type == "mistral"
    {
      throw input.damaged(
        "has a sliding window of \(window.summary) tokens (sliding_window), which is not supported")
    }
  }

  private func checkVariants() throws {
    for key in ["attention_bias", "mlp_bias"] where json[key]?.bool == true {
      throw input.damaged("'\(key)' is true: models with biases are not supported")
    }
    if let activation = json["hidden_act"]?.text, activation != "silu" {
      throw input.damaged("'hidden_act' is \"\(activation)\"; only \"silu\" is supported")
    }
    guard heads > 0, dim % heads == 0 else {
      throw input.damaged("hidden_size \(dim) is not a multiple of \(heads) attention heads")
    }
    if let value = json["head_dim"]?.nonNull, value.int != dim / heads {
      throw input.damaged(
        "'head_dim' is \(value.summary); only heads of hidden_size / num_attention_heads = "
          + "\(dim / heads) are supported")
    }
    if let value = json["partial_rotary_factor"]?.nonNull
      ?? json["rope_parameters"]?[
        "partial_rotary_factor"]?.nonNull, value.double != 1
    {
      throw input.damaged(
        "'partial_rotary_factor' is \(value.summary); only RoPE over the whole head is supported")
    }
    for key in ["rope_scaling", "rope_parameters"] {
      guard let scaling = json[key]?.nonNull else { continue }
      let type = (scaling["rope_type"] ?? scaling["type"])?.text ?? "default"
      guard type == "default" else {
        throw input.damaged("has RoPE scaling of type '\(type)' ('\(key)'), which is not supported")
      }
    }
    if json["quantization_config"]?.nonNull != nil {
      throw input.damaged("has 'quantization_config': use the model's unquantised weights")
    }
  }
}
