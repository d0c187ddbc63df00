import Foundation
import ModelFile
import Tokenization

/// The tokenizer files of a Hugging Face directory, of which there may be several or none.
struct HuggingFaceTokenizer {
  private let directory: String
  private let config: JSONValue?
  /// `tokenizer.json`, which is only read when it is needed.
  private let jsonPath: String?
  private let modelPath: String?

  init(directory: String) throws {
    func existing(_ name: String) -> String? {
      let path = directory + "/" + name
      return FileManager.default.fileExists(atPath: path) ? path : nil
    }
    self.directory = directory
    config = try HuggingFaceSource.optionalJSON(directory + "/tokenizer_config.json")
    modelPath = existing("tokenizer.model")
    jsonPath = existing("tokenizer.json")
  }

  /// Whether a text starts with BOS; `nil` when the files do not say.
  var addsBOS: Bool? { config?["add_bos_token"]?.bool }

  /// The vocabulary of tokenizer.model, else of tokenizer.json; `nil` when there is neither.
  ///
  /// - Parameters:
  ///   - bos: The id config.json gives; else the vocabulary's own.
  ///   - eos: The same for the end of a sequence.
  ///   - rows: Rows of the embedding.
  func vocabulary(bos: TokenID?, eos: TokenID?, rows: Int) throws -> Vocabulary? {
    let json = try jsonPath.map { try TokenizerJSON(path: $0) }
    var names = TokenizerJSON.SpecialNames()
    names.bos = token("bos_token")
    names.eos = token("eos_token")
    names.unknown = token("unk_token")
    guard let modelPath else {
      return try json?.vocabulary(bos: bos, eos: eos, names: names)
    }
    var vocabulary = try Vocabulary(path: modelPath)
    if let bos, Int(bos) < vocabulary.count { vocabulary.bos = bos }
    if let eos, Int(eos) < vocabulary.count { vocabulary.eos = eos }
    try json?.appendAddedTokens(to: &vocabulary, limit: rows)
    return vocabulary
  }

  /// The Jinja text of the chat template, wherever it is kept.
  func chatTemplate() throws -> String? {
    let file = directory + "/chat_template.jinja"
    if FileManager.default.fileExists(atPath: file) {
      let bytes = try InputFile(path: file).contents(limit: 4 << 20)
      return String(decoding: bytes, as: UTF8.self)
    }
    let value = config?["chat_template"]?.nonNull
    guard let several = value?.elements else { return value?.text }
    let usual = several.first { $0["name"]?.text == "default" } ?? several.first
    return usual?["template"]?.text
  }

  /// The text of a token that tokenizer_config.json names, by itself or inside an object.
  private func token(_ key: String) -> [UInt8]? {
    let value = config?[key]?.nonNull
    return value?.bytes ?? value?["content"]?.bytes
  }
}
