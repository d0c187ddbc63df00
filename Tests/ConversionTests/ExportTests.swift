import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Conversion

/// Hugging Face directories that are written, and read again.
@Suite struct ExportTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Writes a model file with a tokenizer, as its format allows.
  private func model(
    _ vocabulary: Vocabulary, config: ModelConfig, template: TemplateKind?,
    hasDefaultSystem: Bool = true
  ) throws -> String {
    var metadata = ModelMetadata()
    metadata.ropeTheta = 123_456
    metadata.normEpsilon = 1e-6
    metadata.tokenizer = vocabulary.kind
    metadata.tokenCount = vocabulary.count
    metadata.unknown = vocabulary.unknown
    metadata.endOfTurn = 7
    metadata.template = template
    metadata.hasDefaultSystem = hasDefaultSystem
    metadata.addsBOS = vocabulary.kind == .sentencePiece
    metadata.sourceName = "A \"name\" of \u{e9}"
    let path = folder.file("model.bin")
    try TinyModel.write(
      to: path, config: config, metadata: metadata, tokenizerSection: try vocabulary.section())
    return path
  }

  @Test(
    arguments: [
      (true, true, TemplateKind.chatML, true), (true, true, .chatML, false),
      (false, false, .llama2, true), (true, false, TemplateKind.none, true),
      (false, true, nil, true),
    ] as [(Bool, Bool, TemplateKind?, Bool)])
  func comesBackBitForBit(
    isByteLevel: Bool, isTied: Bool, template: TemplateKind?, hasDefaultSystem: Bool
  ) throws {
    let path = try model(
      isByteLevel ? TinyVocabulary.chatML() : TinyVocabulary.sentencePiece(),
      config: isTied ? TinyModel.config : TinyModel.separateClassifierConfig, template: template,
      hasDefaultSystem: hasDefaultSystem)
    try ModelConverter(path: path).export(to: folder.file("hf"), overwrite: false) { _, _, _ in }
    #expect(try SourceKind(of: folder.file("hf")) == .huggingFace)
    try ModelConverter(path: folder.file("hf")).convert(
      to: folder.file("back.bin"), version: 1, groupSize: nil, overwrite: false
    ) { _, _, _ in }
    #expect(FileManager.default.contentsEqual(atPath: path, andPath: folder.file("back.bin")))
  }

  @Test func existingFilesAreKeptUnlessAskedTo() throws {
    let path = try model(TinyVocabulary.chatML(), config: TinyModel.config, template: nil)
    let converter = try ModelConverter(path: path)
    try converter.export(to: folder.file("hf"), overwrite: false) { _, _, _ in }
    let error = #expect(throws: ModelFileError.self) {
      try converter.export(to: folder.file("hf"), overwrite: false) { _, _, _ in }
    }
    #expect(error?.kind == .usage)
    try converter.export(to: folder.file("hf"), overwrite: true) { _, _, _ in }
    let itself = #expect(throws: ModelFileError.self) {
      try ModelConverter(path: folder.file("hf"))
        .export(to: folder.file("hf"), overwrite: true) { _, _, _ in }
    }
    #expect(itself?.reason.contains("is the input file") == true)
  }

  @Test func anExportThatIsStoppedIsNoModel() throws {
    struct Stop: Error {}
    let path = try model(TinyVocabulary.chatML(), config: TinyModel.config, template: nil)
    #expect(throws: Stop.self) {
      try ModelConverter(path: path).export(to: folder.file("hf"), overwrite: false) { done, _, _ in
        if done > 100_000 { throw Stop() }
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("hf")).isEmpty)
  }

  @Test func anOldModelOutlivesAnExportThatFails() throws {
    struct Stop: Error {}
    let path = try model(TinyVocabulary.chatML(), config: TinyModel.config, template: nil)
    let converter = try ModelConverter(path: path)
    try converter.export(to: folder.file("hf"), overwrite: false) { _, _, _ in }
    let files = ["config.json", "model.safetensors"].map { folder.file("hf/" + $0) }
    let before = files.map { FileManager.default.contents(atPath: $0) }
    #expect(throws: Stop.self) {
      try converter.export(to: folder.file("hf"), overwrite: true) { done, _, _ in
        if done > 100_000 { throw Stop() }
      }
    }
    #expect(
      !before.contains(nil) && files.map { FileManager.default.contents(atPath: $0) } == before)
  }

  @Test func aDirectoryIsNotExportedIntoItself() throws {
    let path = try model(TinyVocabulary.chatML(), config: TinyModel.config, template: nil)
    try ModelConverter(path: path).export(to: folder.file("hf"), overwrite: false) { _, _, _ in }
    try FileManager.default.moveItem(
      atPath: folder.file("hf/model.safetensors"),
      toPath: folder.file("hf/model-00001-of-00001.safetensors"))
    let shard = "model-00001-of-00001.safetensors"
    let names = try SafetensorsFile(path: folder.file("hf/" + shard)).tensors.map(\.name)
    let index = names.map { "\"\($0)\":\"\(shard)\"" }.joined(separator: ",")
    try folder.write(
      "hf/model.safetensors.index.json", Array("{\"weight_map\":{\(index)}}".utf8))
    let config = FileManager.default.contents(atPath: folder.file("hf/config.json"))
    let error = #expect(throws: ConversionError.self) {
      try ModelConverter(path: folder.file("hf"))
        .export(to: folder.file("hf/../hf"), overwrite: true) { _, _, _ in }
    }
    #expect(error?.reason.contains("holds the model that is read") == true)
    #expect(FileManager.default.contents(atPath: folder.file("hf/config.json")) == config)
  }

  @Test func differencesAreThoseOfQuantisation() throws {
    let path = try model(TinyVocabulary.chatML(), config: TinyModel.config, template: nil)
    let exact = try ModelConverter(path: path)
    try exact.convert(
      to: folder.file("q.bin"), version: 2, groupSize: nil, overwrite: false
    ) { _, _, _ in }
    let rounded = try ModelConverter(path: folder.file("q.bin"))
    var names: [String] = []
    try exact.compare(with: rounded) { difference in
      names.append(difference.name)
      let isNorm = difference.name.lowercased().contains("norm")
      #expect((difference.error == 0) == isNorm, "\(difference.name)")
      #expect(difference.error < 0.01 * difference.magnitude)
    }
    #expect(names.count == 3 + 9 * 2 - 1)
    try exact.compare(with: exact) { #expect($0.largest == 0) }
    try exact.verify { _, _ in }
    try rounded.verify { _, _ in }
  }

  @Test func tokenizerJSONOfLlamaIsRead() throws {
    let vocabulary = TinyVocabulary.sentencePiece()
    let pieces = vocabulary.pieces.enumerated().map { id, piece in
      String(decoding: JSONWriter.string(piece), as: UTF8.self) + ": \(id)"
    }
    let singles = vocabulary.pieces.count(where: { _ in true })
    let merges = (0..<singles).compactMap { id -> String? in
      let text = String(decoding: vocabulary.pieces[id], as: UTF8.self)
      guard vocabulary.kinds[id] == .normal, text.count > 1 else { return nil }
      // Any split into two pieces will do.
      let split = text.indices.dropFirst().first { index in
        [text[..<index], text[index...]].allSatisfy { part in
          vocabulary.pieces.contains(Array(part.utf8))
        }
      }
      return split.map { JSONWriter.string("\(text[..<$0]) \(text[$0...])") }
    }
    let json = """
      {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, \
      {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
      "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u{2581}"}, \
      {"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"}]}, "pre_tokenizer": null,
      "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "fuse_unk": true, \
      "vocab": {\(pieces.joined(separator: ", "))}, "merges": [\(merges.joined(separator: ", "))]}}
      """
    let path = try folder.write("tokenizer.json", Array(json.utf8))
    let found = try VocabularyFile.read(path)
    #expect(try found.section() == vocabulary.section())
  }
}
