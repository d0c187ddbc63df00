import Foundation
import ModelFile

extension Vocabulary {
  /// The vocabulary a model file is to be used with, checked against the model's vocabulary size.
  ///
  /// That is the file `override` when given, else the section appended to the model, else the first
  /// that exists of `<model>.tokenizer.bin`, `<model without extension>.tokenizer.bin`,
  /// `tokenizer.bin` and `tokenizer.model` next to the model, and the last two in the working
  /// directory. What the model's header extension says of special tokens holds over the tokenizer's
  /// own.
  ///
  /// - Throws: ``TokenizerError`` when there is none, it is damaged, or it does not fit the model.
  public static func resolve(for checkpoint: Checkpoint, override: String?) throws -> Vocabulary {
    try withExtendedLifetime(checkpoint) {
      try resolve(
        modelPath: checkpoint.path, vocabSize: checkpoint.config.vocabSize,
        section: checkpoint.tokenizerSection,
        metadata: checkpoint.hasMetadata ? checkpoint.metadata : nil, override: override)
    }
  }

  /// Resolves from the parts of a checkpoint that matter here.
  static func resolve(
    modelPath: String, vocabSize: Int, section: UnsafeRawBufferPointer?, metadata: ModelMetadata?,
    override: String?
  ) throws -> Vocabulary {
    var vocabulary: Vocabulary
    let place: String
    if override == nil, let section {
      place = modelPath
      vocabulary = try TokenizerError.at(place) { try appended(section, metadata: metadata) }
    } else {
      place = try override ?? existingFile(forModel: modelPath)
      vocabulary = try TokenizerError.at(place) {
        let vocabulary = try Vocabulary(path: place)
        try check(vocabulary, against: metadata)
        return vocabulary
      }
    }
    guard vocabulary.count <= vocabSize else {
      throw TokenizerError(
        place: place,
        reason: "tokenizer has \(vocabulary.count) tokens, model \(vocabSize); "
          + "pass the model's own with --tokenizer FILE")
    }
    if let metadata {
      vocabulary.bos = metadata.bos
      vocabulary.eos = metadata.eos
      vocabulary.unknown = metadata.unknown ?? vocabulary.unknown
    }
    return try TokenizerError.at(place) {
      try vocabulary.validate()
      return vocabulary
    }
  }

  /// Reads an appended section and compares it with what the header extension says of it.
  private static func appended(
    _ section: UnsafeRawBufferPointer, metadata: ModelMetadata?
  ) throws -> Vocabulary {
    let vocabulary: Vocabulary
    do {
      vocabulary = try Vocabulary(section: section)
    } catch let error as TokenizerError {
      throw TokenizerError(reason: "tokenizer section: " + error.reason)
    }
    try check(vocabulary, against: metadata)
    return vocabulary
  }

  /// Compares a vocabulary with what the model's header extension says of it.
  private static func check(_ vocabulary: Vocabulary, against metadata: ModelMetadata?) throws {
    if let kind = metadata?.tokenizer, kind != vocabulary.kind {
      throw TokenizerError(
        reason: "the tokenizer is \(vocabulary.kind.summary), the model's header says "
          + kind.summary)
    }
    if let count = metadata?.tokenCount, count != 0, count != vocabulary.count {
      throw TokenizerError(
        reason: "the tokenizer has \(vocabulary.count) tokens, the model's header says \(count)")
    }
  }

  private static func existingFile(forModel path: String) throws -> String {
    let candidates = tokenizerPaths(forModel: path)
    guard let found = candidates.first(where: FileManager.default.fileExists) else {
      throw TokenizerError(
        place: path,
        reason: "needs a tokenizer, and none of these exists: "
          + candidates.joined(separator: ", ") + "; pass --tokenizer FILE")
    }
    return found
  }

  /// Where a model's tokenizer is looked for, in order.
  static func tokenizerPaths(forModel path: String) -> [String] {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let folder = slash.map { String(path[...$0]) } ?? ""
    var names = ["\(name).tokenizer.bin"]
    if let dot = name.lastIndex(of: "."), dot != name.startIndex {
      names.append("\(name[..<dot]).tokenizer.bin")
    }
    let plain = ["tokenizer.bin", "tokenizer.model"]
    let beside = (names + plain).map { folder + $0 }
    return beside + plain.filter { !beside.contains($0) }
  }
}
