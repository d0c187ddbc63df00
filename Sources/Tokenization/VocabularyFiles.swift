import ModelFile

extension Vocabulary {
  /// Reads the tokenizer section appended to a model file.
  public init(section: UnsafeRawBufferPointer) throws { fatalError("skeleton") }

  /// The bytes of the tokenizer section.
  public func section() throws -> [UInt8] { fatalError("skeleton") }

  /// Reads `tokenizer.bin` (llama2.c) or `tokenizer.model` (SentencePiece), told apart by content.
  public init(path: String) throws { fatalError("skeleton") }

  /// The vocabulary a model file is to be used with: the one appended to it, else `override`, else
  /// `<model>.tokenizer.bin`, `tokenizer.bin` or `tokenizer.model` next to the model, else in the
  /// working directory; checked against the model's vocabulary size.
  public static func resolve(for checkpoint: Checkpoint, override: String?) throws -> Vocabulary {
    fatalError("skeleton")
  }

  /// The tokenizer for this vocabulary.
  public func makeTokenizer() throws -> any Tokenizer { fatalError("skeleton") }
}
