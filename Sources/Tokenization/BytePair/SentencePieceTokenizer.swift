import ModelFile

/// SentencePiece's byte-pair encoding, as Llama-2 uses it: no Unicode normalisation, a space is
/// U+2581, what no piece covers falls back to bytes.
struct SentencePieceTokenizer: Tokenizer {
  let vocabulary: Vocabulary
  /// The pieces that text can become: normal, user-defined and unused ones.
  private let index: PieceIndex
  /// Each piece's merge priority, lower first.
  private let priorities: [UInt32]
  /// The token of each byte, where there is one.
  private let byteTokens: ByteTokens
  private let userDefined: UserDefinedMatcher?
  /// Whether no piece has a space after other characters, so that words can be merged one by one.
  private let mergesStayInWords: Bool

  /// U+2581, the space inside pieces.
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// - Throws: ``TokenizerError`` for a vocabulary whose parts do not fit together.
  init(_ vocabulary: Vocabulary) throws(TokenizerError) {
    try vocabulary.validate()
    self.vocabulary = vocabulary
    byteTokens = try ByteTokens(spelledIn: vocabulary)
    index = PieceIndex(vocabulary.pieces) { vocabulary.kinds[$0].isText }
    priorities = vocabulary.scores.map(Self.priority)
    userDefined = UserDefinedMatcher(vocabulary, index: index)
    // How an unused piece is taken apart depends on the whole text, so that does not go by words.
    mergesStayInWords = vocabulary.pieces.bytes.withUnsafeBufferPointer { bytes in
      vocabulary.pieces.indices.allSatisfy { id in
        guard vocabulary.kinds[id].isText else { return true }
        let piece = UnsafeBufferPointer(rebasing: bytes[vocabulary.pieces.range(of: id)])
        return vocabulary.kinds[id] != .unused && Self.wordEnd(in: piece, from: 0) == piece.count
      }
    }
  }

  /// Where the word ends that begins at `start`: some spaces, then everything up to the next one.
  private static func wordEnd(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var end = start
    var isAfterSpaces = false
    while end < text.count {
      let isSpace =
        text[end] == space[0] && text.count - end >= 3 && text[end + 1] == space[1]
        && text[end + 2] == space[2]
      if isSpace && isAfterSpaces { break }
      isAfterSpaces = !isSpace
      end += isSpace ? 3 : 1
    }
    return end
  }

  /// Turns a score's order around into an integer's: the highest score gives the lowest number.
  private static func priority(_ score: Float) -> UInt32 {
    let bits = (score + 0).bitPattern  // -0 becomes 0: they compare equal as scores
    let ascending = bits >> 31 == 1 ? ~bits : bits | 1 << 31
    return ~ascending
  }

  func encode(_ text: some Collection<UInt8>) -> [TokenID] {
    escaped(text).withUnsafeBufferPointer { text in
      var merger = BytePairMerger(vocabulary.pieces)
      var encoding = Encoding(tokenizer: self, text: text)
      // Where unused pieces came from; they are taken apart again at the end.
      var origins = Encoding.Origins()
      var start = 0
      while start < text.count {
        let end = mergesStayInWords ? Self.wordEnd(in: text, from: start) : text.count
        split(text, start..<end, into: &merger)
        merger.run { left, right in
          guard !isFrozen(left), !isFrozen(right),
            let id = index.id(of: .init(rebasing: text[left.start..<right.end]))
          else { return nil }
          if vocabulary.kinds[Int(id)] == .unused { origins[id] = (left.range, right.range) }
          return (priorities[Int(id)], id)
        } emit: { symbol in
          encoding.append(symbol.range, origins: origins)
        }
        start = end
      }
      return encoding.ids
    }
  }

  func bytes(of token: TokenID) -> [UInt8] {
    guard vocabulary.contains(token) else { return [] }
    let piece = vocabulary.pieces[Int(token)]
    switch vocabulary.kinds[Int(token)] {
    case .control: return []
    case .unknown: return Array(" \u{2047} ".utf8)
    case .byte: return ByteTokens.value(ofSpelling: piece).map { [$0] } ?? []
    case .normal, .userDefined, .unused: return Self.unescaped(piece)
    }
  }

  /// Valid UTF-8 with U+2581 for each space and, where the vocabulary wants it, one before the text.
  private func escaped(_ text: some Collection<UInt8>) -> [UInt8] {
    guard !text.isEmpty else { return [] }
    let text = UTF8Scanner.repaired(text)
    var result = vocabulary.addsSpacePrefix ? Self.space : []
    result.reserveCapacity(text.count * 3 / 2)
    for byte in text {
      if byte == 0x20 { result.append(contentsOf: Self.space) } else { result.append(byte) }
    }
    return result
  }

  /// A piece with a space for each U+2581.
  static func unescaped(_ piece: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var rest = piece[...]
    while let byte = rest.first {
      let isSpace = rest.starts(with: space)
      result.append(isSpace ? 0x20 : byte)
      rest = rest.dropFirst(isSpace ? space.count : 1)
    }
    return result
  }

  /// The first symbols: code points, and user-defined pieces as a whole.
  private func split(
    _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, into merger: inout BytePairMerger
  ) {
    var start = word.lowerBound
    while start < word.upperBound {
      if let (id, length) = userDefined?.longestMatch(in: text, at: start) {
        merger.append(start..<start + length, id: id)
        start += length
      } else if case .scalar(_, let length) = UTF8Scanner.step(text, at: start) {
        merger.append(start..<start + length, id: nil)
        start += length
      } else {
        merger.append(start..<start + 1, id: nil)
        start += 1
      }
    }
  }

  /// Whether a symbol is a user-defined piece, which never merges.
  private func isFrozen(_ symbol: BytePairMerger.Symbol) -> Bool {
    guard userDefined != nil, let id = symbol.id else { return false }
    return vocabulary.kinds[Int(id)] == .userDefined
  }
}

extension SentencePieceTokenizer {
  /// The ids of a text, as its symbols come in.
  private struct Encoding {
    /// For each unused piece, the two parts it was last seen to be made of.
    typealias Origins = [TokenID: (left: Range<Int>, right: Range<Int>)]

    let tokenizer: SentencePieceTokenizer
    let text: UnsafeBufferPointer<UInt8>
    private(set) var ids: [TokenID] = []

    init(tokenizer: SentencePieceTokenizer, text: UnsafeBufferPointer<UInt8>) {
      self.tokenizer = tokenizer
      self.text = text
    }

    /// Appends the tokens of a symbol: its piece, or the parts of an unused piece, or its bytes.
    mutating func append(_ symbol: Range<Int>, origins: Origins) {
      var parts = [symbol]
      while let part = parts.popLast() {
        let id = tokenizer.index.id(of: .init(rebasing: text[part]))
        if let id, tokenizer.vocabulary.kinds[Int(id)] != .unused {
          ids.append(id)
        } else if let id, let origin = origins[id] {
          parts += [origin.right, origin.left]
        } else {
          appendBytes(part)
        }
      }
    }

    /// Appends the bytes' tokens; a run of bytes without one is a single unknown token.
    private mutating func appendBytes(_ part: Range<Int>) {
      for byte in text[part] {
        if let id = tokenizer.byteTokens[byte] {
          ids.append(id)
        } else if let unknown = tokenizer.vocabulary.unknown, ids.last != unknown {
          ids.append(unknown)
        }
      }
    }
  }
}
