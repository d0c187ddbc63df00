/// Tokens to text, one token at a time, never half a code point.
///
/// Bytes of an unfinished UTF-8 sequence are held until the next token completes them; a byte that
/// cannot be part of a sequence becomes U+FFFD.
public struct StreamDecoder {
  private let tokenizer: any Tokenizer
  /// Whether a space that comes next would be the first byte of the text and is to be dropped.
  private var dropsSpace: Bool
  /// An unfinished sequence, at most three bytes.
  private var held: [UInt8] = []

  /// Starts a text.
  ///
  /// - Parameter stripsLeadingSpace: Drop one space at the very start (the dummy prefix of SentencePiece).
  public init(tokenizer: any Tokenizer, stripsLeadingSpace: Bool) {
    self.tokenizer = tokenizer
    dropsSpace = stripsLeadingSpace
  }

  /// The text that `token` completes; may be empty.
  public mutating func append(_ token: TokenID) -> String {
    var bytes = held + tokenizer.bytes(of: token)
    if dropsSpace, let first = bytes.first {
      if first == 0x20 { bytes.removeFirst() }
      dropsSpace = false
    }
    return take(bytes)
  }

  /// What is left: U+FFFD for each held byte of an unfinished sequence.
  public mutating func finish() -> String {
    let text = String(repeating: "\u{FFFD}", count: held.count)
    held = []
    return text
  }

  /// Turns all bytes but an unfinished sequence at the end into text, and holds that.
  private mutating func take(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBufferPointer { bytes in
      var text = String.UnicodeScalarView()
      var index = 0
      while index < bytes.count {
        let step = UTF8Scanner.step(bytes, at: index)
        if step == .incomplete { break }
        if case .scalar(let value, let length) = step, let scalar = Unicode.Scalar(value) {
          text.append(scalar)
          index += length
        } else {
          text.append("\u{FFFD}")
          index += 1
        }
      }
      held = Array(bytes[index...])
      return String(text)
    }
  }
}

extension Tokenizer {
  /// The text of whole tokens; see ``StreamDecoder``.
  public func decode(_ tokens: some Sequence<TokenID>, stripsLeadingSpace: Bool) -> String {
    var decoder = StreamDecoder(tokenizer: self, stripsLeadingSpace: stripsLeadingSpace)
    return tokens.map { decoder.append($0) }.joined() + decoder.finish()
  }
}
