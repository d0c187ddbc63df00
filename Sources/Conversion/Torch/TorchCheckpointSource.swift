import ModelFile
import Tokenization

/// A checkpoint of llama2.c's train.py: `{"model": …, "model_args": …}`, the optimizer's state unread.
struct TorchCheckpointSource: ModelSource {
  let facts: SourceFacts
  var files: [InputFile] { [input] }
  private let input: InputFile
  private let tensors: [TensorTable.Place: StoredTensor]

  init(path: String, options: SourceOptions = SourceOptions()) throws {
    let archive = try TorchArchive(path: path)
    let input = archive.input
    self.input = input
    let members = archive.pickle.members(of: archive.pickle.root)
    guard let arguments = archive.pickle.members(of: members?["model_args"]),
      let model = members?["model"]
    else {
      throw input.damaged(
        "has no 'model_args' and 'model', as llama2.c's checkpoints do; give the directory of a Meta or "
          + "Hugging Face model, not a file of it")
    }
    // What torch.compile prefixes names with.
    let prefix = "_orig_mod."
    let stored = try archive.stateDictionary(model).map { tensor in
      var tensor = tensor
      if tensor.name.hasPrefix(prefix) { tensor.name.removeFirst(prefix.count) }
      return tensor
    }
    let table = TensorTable(path: path, stored)
    let config = try Self.config(arguments, table, input)
    tensors = try table.tensors(for: try config.checkedLayout(path)) { name in
      TensorRole.isMetaTable(name) || config.sharedClassifier && name == "output.weight"
    } name: { role, layer in
      role.metaName(layer: layer)
    }
    var metadata = ModelMetadata()
    // export.py leaves the epsilon out, and run.c always computes with 1e-5.
    if let epsilon = arguments["norm_eps"]?.double { metadata.normEpsilon = Float(epsilon) }
    let vocabulary = try options.tokenizer.map(VocabularyFile.read)
    if let vocabulary { (metadata.bos, metadata.eos) = (vocabulary.bos, vocabulary.eos) }
    var facts = SourceFacts(
      kind: .torchCheckpoint, path: path, config: config, metadata: metadata,
      vocabulary: vocabulary, warnings: [])
    try facts.complete(with: options, hasTemplate: false)
    self.facts = facts
  }

  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor? {
    tensors[.init(role: role, layer: layer)].map { SourceTensor($0) }
  }

  private static func config(
    _ arguments: [String: PickleValue], _ table: TensorTable, _ input: InputFile
  ) throws -> ModelConfig {
    func number(_ key: String) throws -> Int? {
      guard let value = arguments[key] else { return nil }
      if case .none = value { return nil }
      guard let number = value.int, 0...Int(Int32.max) ~= number else {
        throw input.damaged("model_args: '\(key)' is \(value.summary); expected a whole number")
      }
      return number
    }
    func required(_ key: String) throws -> Int {
      guard let number = try number(key) else { throw input.damaged("model_args lacks '\(key)'") }
      return number
    }
    guard let embedding = table["tok_embeddings.weight"] else {
      throw input.damaged("lacks tensor 'tok_embeddings.weight'")
    }
    guard let up = table["layers.0.feed_forward.w1.weight"] else {
      throw input.damaged("lacks tensor 'layers.0.feed_forward.w1.weight'")
    }
    let heads = try required("n_heads")
    var config = ModelConfig(
      dim: try required("dim"), hiddenDim: up.rows, layers: try required("n_layers"), heads: heads,
      kvHeads: try number("n_kv_heads") ?? heads, vocabSize: embedding.rows,
      contextLength: try number("max_seq_len") ?? 2048, sharedClassifier: true)
    if let classifier = table["output.weight"] {
      config.sharedClassifier = try SourceTensor(classifier)
        .hasSameValues(as: SourceTensor(embedding))
    }
    return config
  }
}
