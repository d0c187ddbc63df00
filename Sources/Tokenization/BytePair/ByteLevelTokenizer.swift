import ModelFile

/// GPT-2's byte-level byte-pair encoding with the `smollm` pre-tokenizer, as SmolLM2 uses it.
struct ByteLevelTokenizer: Tokenizer {
  let vocabulary: Vocabulary
  private let byteTokens: ByteTokens
  private let merges: MergeTable

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
      var merger = BytePairMerger(vocabulary.pieces)
      while let fragment = splitter.next() {
        // A vocabulary need not have all bytes (SmolLM2 lacks 21): those are left out of the text.
        var count = 0
        for byte in text[fragment] {
          guard let id = byteTokens[byte] else { continue }
          merger.append(count..<count + 1, id: id)
          count += 1
        }
        merger.run { left, right in
          guard let left = left.id, let right = right.id else { return nil }
          return merges.merge(left, right)
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

  /// Finds the token that each merge makes.
  ///
  /// Most often that is the one after the last merge's; only else are the pieces indexed.
  private static func mergeTable(_ vocabulary: Vocabulary) throws(TokenizerError) -> MergeTable {
    let pieces = vocabulary.pieces
    var index: PieceIndex?
    var table = MergeTable(capacity: vocabulary.merges.count)
    var next = vocabulary.count - vocabulary.merges.count
    var piece: [UInt8] = []
    for (rank, (left, right)) in vocabulary.merges.enumerated() {
      piece.removeAll(keepingCapacity: true)
      piece += pieces.bytes[pieces.range(of: Int(left))]
      piece += pieces.bytes[pieces.range(of: Int(right))]
      if !isPiece(next, piece, in: vocabulary) {
        let known = index ?? PieceIndex(pieces) { vocabulary.kinds[$0].isText }
        index = known
        guard let id = piece.withUnsafeBufferPointer({ known.id(of: $0) }) else {
          throw TokenizerError(
            reason: "merge \(rank) makes \"\(String(decoding: piece, as: UTF8.self))\", "
              + "which is not a piece")
        }
        next = Int(id)
      }
      table.insert(
        left, right, rank: UInt32(truncatingIfNeeded: rank), id: TokenID(truncatingIfNeeded: next))
      next += 1
    }
    return table
  }

  private static func isPiece(_ id: Int, _ piece: [UInt8], in vocabulary: Vocabulary) -> Bool {
    guard vocabulary.pieces.indices.contains(id), vocabulary.kinds[id].isText else { return false }
    return vocabulary.pieces.bytes[vocabulary.pieces.range(of: id)].elementsEqual(piece)
  }
}
