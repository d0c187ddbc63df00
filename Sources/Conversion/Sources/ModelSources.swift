import Foundation
import ModelFile

/// Finds out what a path is, and opens it.
enum ModelSources {
  /// Opens a model of whatever kind.
  static func open(_ path: String, _ options: SourceOptions) throws -> any ModelSource {
    switch try SourceKind(of: path) {
    case .gguf: return try GGUFModel(path: path, options: options)
    case .huggingFace: return try HuggingFaceSource(directory: path, options: options)
    case .meta: return try MetaSource(directory: path, options: options)
    case .torchCheckpoint: return try TorchCheckpointSource(path: path, options: options)
    case .modelFile: return try ModelFileSource(path: path, options: options)
    case .tokenizer:
      throw ConversionError(
        place: path, reason: "is a tokenizer without a model; expected a model", kind: .damagedFile)
    }
  }
}

extension SourceKind {
  /// Finds out by looking what a file or directory is.
  ///
  /// What nothing else identifies is taken for a model file, whose reader then says what is wrong.
  ///
  /// - Throws: ``ConversionError`` when it cannot be read, or is a directory without a model.
  public init(of path: String) throws {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
      isDirectory.boolValue
    {
      self = try Self.kind(ofDirectory: path)
      return
    }
    let input = try InputFile(path: path)
    let bytes = try input.bytes(at: 0, count: min(input.size, 264))
    if bytes.starts(with: "GGUF".utf8) {
      self = .gguf
    } else if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
      self = .torchCheckpoint
    } else if bytes.dropFirst(257).starts(with: "ustar".utf8) {
      throw input.damaged("is a tar archive; unpack it, or save it again with torch 1.6 or later")
    } else if Self.isTokenizer(bytes) {
      self = .tokenizer
    } else {
      self = .modelFile
    }
  }

  private static func kind(ofDirectory path: String) throws -> SourceKind {
    func has(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: path + "/" + name)
    }
    if has("config.json") { return .huggingFace }
    if has("params.json") { return .meta }
    throw ConversionError(
      place: path,
      reason:
        "is a directory with neither config.json (Hugging Face) nor params.json (Meta); expected "
        + "a model", kind: .damagedFile)
  }

  /// Whether a file begins as a SentencePiece model does (a piece, which begins with its text), or as JSON.
  private static func isTokenizer(_ bytes: [UInt8]) -> Bool {
    // The third byte of a model file's header is 0 or 1.
    guard bytes.count >= 3, bytes[2] > 1 else { return false }
    let isModel = bytes[0] == 0x0A && 1...0x7F ~= bytes[1] && bytes[2] == 0x0A
    let isJSON = bytes[0] == UInt8(ascii: "{") && [0x0A, 0x0D, 0x20, 0x22].contains(bytes[1])
    return isModel || isJSON
  }
}
