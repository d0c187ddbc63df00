import ModelFile
import Tokenization

/// A model file of llama2.c or of this program, as the source of another.
struct ModelFileSource: ModelSource {
  let facts: SourceFacts
  var files: [InputFile] { [input] }
  private let input: InputFile
  private let layout: TensorLayout

  init(path: String, options: SourceOptions = SourceOptions()) throws {
    let input = try InputFile(path: path)
    self.input = input
    let beginning = try input.bytes(
      at: 0, count: min(input.size, CheckpointOutline.headerSize))
    let outline: CheckpointOutline
    do {
      outline = try beginning.withUnsafeBytes {
        try CheckpointOutline(beginning: $0, fileSize: input.size)
      }
    } catch let error as ModelFileError {
      throw error.at(path)
    }
    layout = outline.layout
    var metadata = outline.metadata
    var vocabulary = try options.tokenizer.map(VocabularyFile.read)
    if let vocabulary, !outline.hasMetadata {
      (metadata.bos, metadata.eos) = (vocabulary.bos, vocabulary.eos)
    } else if vocabulary == nil, let section = outline.tokenizer {
      vocabulary = try Self.vocabulary(section, input)
    }
    var facts = SourceFacts(
      kind: .modelFile, path: path, config: layout.config, metadata: metadata,
      vocabulary: vocabulary, warnings: outline.warnings)
    try facts.complete(with: options, hasTemplate: true)
    self.facts = facts
  }

  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor? {
    guard let span = layout.span(role, layer: layer) else { return nil }
    let encoding: StoredTensor.Encoding =
      if let groupSize = span.groupSize {
        .int8(scalesOffset: span.offset + span.elementCount, groupSize: groupSize)
      } else {
        .blocks(.f32)
      }
    return SourceTensor(
      StoredTensor(
        name: span.name, file: input, offset: span.offset, rows: span.rows,
        columns: span.columns, encoding: encoding))
  }

  private static func vocabulary(_ section: Range<Int>, _ input: InputFile) throws -> Vocabulary {
    guard section.count <= 256 << 20 else {
      throw input.damaged("has a tokenizer of \(SizeText.bytes(section.count)); too large")
    }
    let bytes = try input.bytes(at: section.lowerBound, count: section.count)
    do {
      return try bytes.withUnsafeBytes { try Vocabulary(section: $0) }
    } catch let error as TokenizerError {
      throw input.damaged("tokenizer section: " + error.reason)
    }
  }
}
