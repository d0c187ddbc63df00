import ModelFile
import Tokenization

/// A GGUF file understood as a Llama model: every check that needs no weight is done.
struct GGUFModel: ModelSource {
  let facts: SourceFacts
  var files: [InputFile] { [file.input] }
  private let file: GGUFFile
  private let tensors: [TensorTable.Place: StoredTensor]

  init(path: String, options: SourceOptions = SourceOptions()) throws {
    file = try GGUFFile(path: path)
    let input = file.input
    let table = TensorTable(path: path, file.tensors)
    let parameters = try GGUFParameters(file)
    try table.checkGGUFVariants(input)
    try parameters.checkHeads()
    let config = try Self.config(parameters, table, input)
    // A tied classifier that is there all the same is a copy of the embedding.
    tensors = try table.tensors(for: try config.checkedLayout(path)) {
      config.sharedClassifier && $0 == "output.weight"
    } name: { role, layer in
      role.ggufName(layer: layer)
    }

    let source = GGUFVocabulary(file)
    let vocabulary = try options.tokenizer.map(VocabularyFile.read) ?? source.vocabulary()
    let jinja = try file.metadata.string("tokenizer.chat_template")
    var metadata = ModelMetadata()
    metadata.ropeTheta = parameters.ropeTheta
    metadata.normEpsilon = parameters.normEpsilon
    metadata.bos = vocabulary.bos
    metadata.eos = vocabulary.eos
    metadata.endOfTurn = try source.endOfTurn(in: vocabulary)
    metadata.note(template: jinja)
    metadata.addsBOS = try source.addsBOS(vocabulary.kind)
    metadata.sourceName = try file.metadata.string("general.name") ?? ""
    var facts = SourceFacts(
      kind: .gguf, path: path, config: config, metadata: metadata, vocabulary: vocabulary,
      warnings: parameters.unknownKeys.map { "metadata '\($0)' is not known and was ignored" })
    try facts.complete(with: options, hasTemplate: jinja != nil)
    self.facts = facts
  }

  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor? {
    tensors[.init(role: role, layer: layer)].map { SourceTensor($0) }
  }

  /// The shape; the classifier is shared when there is none, or when it is a copy of the embedding.
  private static func config(
    _ parameters: GGUFParameters, _ table: TensorTable, _ input: InputFile
  ) throws -> ModelConfig {
    guard let embedding = table["token_embd.weight"] else {
      throw input.damaged("lacks tensor 'token_embd.weight'; is it a whole model?")
    }
    var config = parameters.config(vocabSize: embedding.rows, sharedClassifier: true)
    if let classifier = table["output.weight"] {
      config.sharedClassifier = try SourceTensor(classifier)
        .hasSameValues(as: SourceTensor(embedding))
    }
    return config
  }
}

extension ModelConfig {
  /// The places of an fp32 file, which checks the ranges of all numbers.
  ///
  /// - Throws: ``ConversionError`` about the source `path`.
  func checkedLayout(_ path: String) throws -> TensorLayout {
    do {
      return try TensorLayout(config: self, format: .v1)
    } catch let error as any Failure {
      throw ConversionError(place: path, reason: error.description, kind: .damagedFile)
    }
  }
}
