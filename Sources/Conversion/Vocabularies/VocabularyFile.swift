import ModelFile
import Tokenization

/// A tokenizer file given by itself.
enum VocabularyFile {
  /// Reads a tokenizer.bin, tokenizer.model or tokenizer.json, told apart by content.
  ///
  /// - Throws: ``ConversionError`` or `TokenizerError` naming the file and what is wrong in it.
  static func read(_ path: String) throws -> Vocabulary {
    let input = try InputFile(path: path)
    let beginning = try input.bytes(at: 0, count: min(input.size, 16))
    let first = beginning.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
    guard first == UInt8(ascii: "{") else { return try Vocabulary(path: path) }
    return try TokenizerJSON(path: path)
      .vocabulary(bos: nil, eos: nil, names: TokenizerJSON.SpecialNames())
  }
}
