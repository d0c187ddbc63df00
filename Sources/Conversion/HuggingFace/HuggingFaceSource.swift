import Foundation
import ModelFile
import Tokenization

/// A directory as `transformers` writes it: config.json, weights, tokenizer.
struct HuggingFaceSource: ModelSource {
  let facts: SourceFacts
  let files: [InputFile]
  private let tensors: [TensorTable.Place: StoredTensor]

  init(directory: String, options: SourceOptions = SourceOptions()) throws {
    let generation = try Self.optionalJSON(directory + "/generation_config.json")
    let parameters = try HuggingFaceConfig(
      path: directory + "/config.json", generation: generation)
    let table = TensorTable(path: directory, try WeightIndex.tensors(in: directory))
    var warnings: [String] = []
    let config = try Self.config(parameters, table, &warnings)
    tensors = try table.tensors(for: try config.checkedLayout(directory)) {
      Self.isIgnored($0, config)
    } name: { role, layer in
      role.huggingFaceName(layer: layer)
    }
    files = Set(tensors.values.map(\.file)).sorted { $0.path < $1.path }

    let tokenizer = try HuggingFaceTokenizer(directory: directory)
    let vocabulary =
      try options.tokenizer.map(VocabularyFile.read)
      ?? tokenizer.vocabulary(
        bos: parameters.bos, eos: parameters.ends.first, rows: config.vocabSize)
    var metadata = ModelMetadata()
    metadata.ropeTheta = parameters.ropeTheta
    metadata.normEpsilon = parameters.normEpsilon
    metadata.bos = parameters.bos ?? vocabulary?.bos ?? metadata.bos
    metadata.eos = parameters.ends.first ?? vocabulary?.eos ?? metadata.eos
    metadata.endOfTurn = parameters.ends.dropFirst().first
    if let more = Self.warning(ends: parameters.ends) { warnings.append(more) }
    let template = try tokenizer.chatTemplate()
    metadata.note(template: template)
    // An empty template is how a base model says that it has none on purpose.
    if template == "" { metadata.template = TemplateKind.none }
    metadata.addsBOS = tokenizer.addsBOS ?? (vocabulary?.kind != .byteLevel)
    metadata.sourceName = Self.name(parameters, directory)
    var facts = SourceFacts(
      kind: .huggingFace, path: directory, config: config, metadata: metadata,
      vocabulary: vocabulary, warnings: warnings)
    try facts.complete(with: options, hasTemplate: template != nil)
    self.facts = facts
  }

  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor? {
    guard let stored = tensors[.init(role: role, layer: layer)] else { return nil }
    switch role {
    case .wq, .wk: return SourceTensor(stored, order: .halves(headSize: facts.config.headSize))
    default: return SourceTensor(stored)
    }
  }

  /// A model file has room for two tokens that end a reply.
  private static func warning(ends: [Int32]) -> String? {
    guard ends.count > 2 else { return nil }
    let left = ends[2...].map(String.init).joined(separator: ", ")
    return
      "eos_token_id has \(ends.count) tokens; only \(ends[0]) and \(ends[1]) will end a reply, not \(left)"
  }

  /// A JSON file that need not be there.
  static func optionalJSON(_ path: String) throws -> JSONValue? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try InputFile(path: path).json(limit: 4 << 20)
  }

  /// The last part of what the model or else its directory is called.
  private static func name(_ parameters: HuggingFaceConfig, _ directory: String) -> String {
    let path =
      parameters.name.isEmpty
      ? URL(fileURLWithPath: directory).standardizedFileURL.path : parameters.name
    return path.split(separator: "/").last.map(String.init) ?? ""
  }

  /// The shape; the classifier is shared when there is none, or when it is a copy of the embedding.
  private static func config(
    _ parameters: HuggingFaceConfig, _ table: TensorTable, _ warnings: inout [String]
  ) throws -> ModelConfig {
    var config = parameters.config(sharedClassifier: true)
    guard let classifier = table["lm_head.weight"] else {
      if parameters.tiesEmbeddings == false {
        warnings.append(
          "has no lm_head.weight, though config.json says it is not tied: taken as tied")
      }
      return config
    }
    guard let embedding = table["model.embed_tokens.weight"] else { return config }
    config.sharedClassifier = try SourceTensor(classifier)
      .hasSameValues(as: SourceTensor(embedding))
    if !config.sharedClassifier, parameters.tiesEmbeddings == true {
      warnings.append(
        "config.json says that embedding and classifier are tied, but lm_head.weight differs: taken "
          + "as separate")
    }
    return config
  }

  /// Tensors that say nothing the program does not compute itself.
  private static func isIgnored(_ name: String, _ config: ModelConfig) -> Bool {
    name.hasSuffix(".rotary_emb.inv_freq")
      || config.sharedClassifier && name == "lm_head.weight"
  }
}

extension TensorRole {
  /// The name in `transformers`' LlamaForCausalLM; `nil` for what it does not have.
  func huggingFaceName(layer: Int) -> String? {
    let block = "model.layers.\(layer)"
    return switch self {
    case .tokenEmbedding: "model.embed_tokens.weight"
    case .attentionNorm: "\(block).input_layernorm.weight"
    case .wq: "\(block).self_attn.q_proj.weight"
    case .wk: "\(block).self_attn.k_proj.weight"
    case .wv: "\(block).self_attn.v_proj.weight"
    case .wo: "\(block).self_attn.o_proj.weight"
    case .ffnNorm: "\(block).post_attention_layernorm.weight"
    case .w1: "\(block).mlp.gate_proj.weight"
    case .w2: "\(block).mlp.down_proj.weight"
    case .w3: "\(block).mlp.up_proj.weight"
    case .finalNorm: "model.norm.weight"
    case .classifier: "lm_head.weight"
    case .ropeTables: nil
    }
  }
}
