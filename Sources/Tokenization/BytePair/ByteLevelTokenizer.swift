import ModelFile

/// GPT-2's byte-level byte-pair encoding with the `smollm` pre-tokenizer, as SmolLM2 uses it.
struct ByteLevelTokenizer: Tokenizer {
  let vocabulary: Vocabulary
  private let byteTokens: ByteTokens
  /// By ``key(_:_:)``: the merge's rank and the token it makes.
  private let merges: [UInt64: (priority: UInt32, id: TokenID)]

  /// - Throws: ``TokenizerError`` for a vocabulary whose parts do not fit together.
  init(_ vocabulary: Vocabulary) throws(TokenizerError) {
    try vocabulary.validate()
    self.vocabulary = vocabulary
    byteTokens = ByteTokens(singleBytesIn: vocabulary)
    merges = try Self.mergeTable(vocabulary)
  }

  func encode(_ text: some Collection<UInt8>) -> [TokenID] {
    UTF8Scanner.repaired(text).withUnsafeBufferPointer { text in
      var ids: [TokenID] = []
      var splitter = SmolSplitter(text)
      var merger = BytePairMerger()
      while let fragment = splitter.next() {
        // A vocabulary need not have all bytes (SmolLM2 lacks 21): those are left out of the text.
        for index in fragment {
          if let id = byteTokens[text[index]] { merger.append(index..<index + 1, id: id) }
        }
        merger.run { left, right in
          guard let left = left.id, let right = right.id else { return nil }
          return merges[Self.key(left, right)]
        } emit: { symbol in
          if let id = symbol.id { ids.append(id) }
        }
      }
      return ids
    }
  }

  func bytes(of token: TokenID) -> [UInt8] {
    guard vocabulary.contains(token), vocabulary.kinds[Int(token)] != .control else { return [] }
    return vocabulary.pieces[Int(token)]
  }

  private static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Finds the token that each merge makes; of equal merges the first counts.
  private static func mergeTable(
    _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> [UInt64: (priority: UInt32, id: TokenID)] {
    let pieces = vocabulary.pieces
    let index = PieceIndex(pieces) { vocabulary.kinds[$0] != .control }
    var table: [UInt64: (priority: UInt32, id: TokenID)] = [:]
    table.reserveCapacity(vocabulary.merges.count)
    var piece: [UInt8] = []
    for (rank, (left, right)) in vocabulary.merges.enumerated() {
      piece.removeAll(keepingCapacity: true)
      piece += pieces.bytes[pieces.range(of: Int(left))]
      piece += pieces.bytes[pieces.range(of: Int(right))]
      guard let id = piece.withUnsafeBufferPointer({ index.id(of: $0) }) else {
        throw TokenizerError(
          reason: "merge \(rank) makes \"\(String(decoding: piece, as: UTF8.self))\", "
            + "which is not a piece")
      }
      let key = key(left, right)
      if table[key] == nil { table[key] = (UInt32(rank), id) }
    }
    return table
  }
}
