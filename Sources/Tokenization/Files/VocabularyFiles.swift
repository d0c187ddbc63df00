import ModelFile

extension Vocabulary {
  /// Reads the tokenizer section appended to a model file.
  ///
  /// - Throws: ``TokenizerError`` naming the field, without a place.
  public init(section: UnsafeRawBufferPointer) throws {
    self = try TokenizerError.at(nil) { try TokenizerSection.read(section) }
  }

  /// The bytes of the tokenizer section.
  ///
  /// - Throws: ``TokenizerError`` when the parts do not fit together.
  public func section() throws -> [UInt8] { try TokenizerSection.write(self) }

  /// The bytes of llama2.c's `tokenizer.bin`, as its tokenizer.py writes it.
  ///
  /// - Throws: ``TokenizerError`` for a vocabulary the format has no room for.
  public func tokenizerBin() throws -> [UInt8] { try TokenizerBin.write(self) }

  /// The bytes of SentencePiece's `tokenizer.model`.
  ///
  /// - Throws: ``TokenizerError`` for a vocabulary the format has no room for.
  public func sentencePieceModel() throws -> [UInt8] { try SentencePieceWriter.write(self) }

  /// Reads `tokenizer.bin` (llama2.c) or `tokenizer.model` (SentencePiece), told apart by content.
  ///
  /// - Throws: ``TokenizerError`` naming the file and what is wrong in it.
  public init(path: String) throws {
    self = try TokenizerError.at(path) {
      let file = try MappedFile(path: path)
      return try withExtendedLifetime(file) { try Vocabulary(tokenizerFile: file.bytes) }
    }
  }

  /// The tokenizer for this vocabulary.
  ///
  /// - Throws: ``TokenizerError`` when the parts do not fit together.
  public func makeTokenizer() throws -> any Tokenizer {
    switch kind {
    case .sentencePiece: try SentencePieceTokenizer(self)
    case .byteLevel: try ByteLevelTokenizer(self)
    }
  }
}

extension Vocabulary {
  /// No tokenizer file is larger; a model given as one is refused before it is read.
  static let maximumFileSize = 64 << 20

  /// How files begin that are given as a tokenizer by mistake.
  private static let foreignFormats = [
    ("GGUF", "a GGUF file"),
    ("24ka", "a llama2.c model"),
    ("PK\u{3}\u{4}", "a zip archive"),
    ("version https://git-lfs", "a git-lfs pointer, not the file itself"),
    ("{\n", "JSON (a tokenizer.json?)"),
    ("{\"", "JSON (a tokenizer.json?)"),
    ("<!", "a web page"),
    ("<h", "a web page"),
  ]

  /// Parses the bytes of a tokenizer file of either kind.
  init(tokenizerFile bytes: UnsafeRawBufferPointer) throws {
    let expected = "expected a tokenizer.bin or a tokenizer.model"
    guard !bytes.isEmpty else { throw TokenizerError(reason: "is empty; \(expected)") }
    guard bytes.count <= Self.maximumFileSize else {
      throw TokenizerError(
        reason: "has \(SizeText.bytes(bytes.count)), too much for a tokenizer; \(expected)")
    }
    if let (_, name) = Self.foreignFormats.first(where: { bytes.starts(with: $0.0.utf8) }) {
      throw TokenizerError(reason: "is \(name); \(expected)")
    }
    self =
      try Self.isSentencePieceModel(bytes)
      ? SentencePieceModel.read(bytes) : TokenizerBin.read(bytes)
  }

  /// Whether the bytes begin with field 1, a piece, which itself begins with field 1, its text.
  ///
  /// As the beginning of a tokenizer.bin that would be a longest piece of at least 655,360 bytes.
  private static func isSentencePieceModel(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let field: UInt8 = 0x0A
    return bytes.count >= 3 && bytes[0] == field && 1...0x7F ~= bytes[1] && bytes[2] == field
  }
}
