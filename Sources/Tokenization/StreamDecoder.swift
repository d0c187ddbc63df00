/// Tokens to text, one token at a time, never half a code point.
///
/// Bytes of an unfinished UTF-8 sequence are held until the next token completes them; a byte that
/// cannot be part of a sequence becomes U+FFFD.
public struct StreamDecoder {
  /// Starts a text.
  ///
  /// - Parameter stripsLeadingSpace: Drop one space at the very start (the dummy prefix of SentencePiece).
  public init(tokenizer: any Tokenizer, stripsLeadingSpace: Bool) { fatalError("skeleton") }

  /// The text that `token` completes; may be empty.
  public mutating func append(_ token: TokenID) -> String { fatalError("skeleton") }

  /// What is left: U+FFFD for each held byte of an unfinished sequence.
  public mutating func finish() -> String { fatalError("skeleton") }
}
