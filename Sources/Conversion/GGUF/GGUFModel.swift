import ModelFile
import Tokenization

/// A GGUF file understood as a Llama model: every check that needs no weight is done.
struct GGUFModel {
  let file: GGUFFile
  let table: GGUFTensorTable
  let config: ModelConfig
  let metadata: ModelMetadata
  let vocabulary: Vocabulary
  /// What the user should know whatever the output's version.
  let warnings: [String]
  /// What the user should know of a version 2 output besides.
  let int8Warnings: [String]

  init(path: String) throws {
    file = try GGUFFile(path: path)
    table = GGUFTensorTable(file)
    let input = file.input
    let parameters = try GGUFParameters(file)
    try table.checkVariants(input)
    try parameters.checkHeads()
    config = try Self.config(parameters, table, input)
    let tensors = try table.tensors(for: try Self.layout(config, input), input)

    let source = GGUFVocabulary(file)
    vocabulary = try source.vocabulary()
    guard vocabulary.count <= config.vocabSize else {
      throw input.damaged(
        "has \(vocabulary.count) tokens for \(config.vocabSize) rows of 'token_embd.weight'")
    }
    let jinja = try file.metadata.string("tokenizer.chat_template")
    let template = jinja.flatMap(TemplateKind.init(recognizing:))

    var metadata = ModelMetadata()
    metadata.ropeTheta = parameters.ropeTheta
    metadata.normEpsilon = parameters.normEpsilon
    metadata.bos = vocabulary.bos
    metadata.eos = vocabulary.eos
    metadata.endOfTurn = try source.endOfTurn(in: vocabulary)
    metadata.unknown = vocabulary.unknown
    metadata.tokenizer = vocabulary.kind
    metadata.template = template
    metadata.addsBOS = try source.addsBOS(vocabulary.kind)
    metadata.tokenCount = vocabulary.count
    metadata.sourceName = try file.metadata.string("general.name") ?? ""
    self.metadata = metadata
    warnings = ConversionWarnings.general(
      parameters, template: template, hasTemplate: jinja != nil)
    int8Warnings = ConversionWarnings.int8(parameters, tensors: tensors)
  }

  /// The shape; the classifier is shared when there is none, or when it is a copy of the embedding.
  private static func config(
    _ parameters: GGUFParameters, _ table: GGUFTensorTable, _ input: InputFile
  ) throws -> ModelConfig {
    guard let embedding = table["token_embd.weight"] else {
      throw input.damaged("lacks tensor 'token_embd.weight'; is it a whole model?")
    }
    let shared = try table["output.weight"].map {
      try TensorStream(input: input).areIdentical($0, embedding)
    }
    return parameters.config(vocabSize: embedding.rows, sharedClassifier: shared ?? true)
  }

  /// The places of an fp32 file, which checks the ranges of all numbers.
  private static func layout(_ config: ModelConfig, _ input: InputFile) throws -> TensorLayout {
    do {
      return try TensorLayout(config: config, format: .v1)
    } catch let error as any Failure {
      throw input.damaged(error.description)
    }
  }
}
