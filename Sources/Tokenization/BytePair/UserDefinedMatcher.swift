/// Finds user-defined pieces in a text; they are tokens as a whole wherever they stand.
struct UserDefinedMatcher: Sendable {
  private let index: PieceIndex
  private let kinds: [Vocabulary.PieceKind]
  /// By first byte: the lengths of such pieces, longest first.
  private let lengths: [[Int]]

  /// `nil` when the vocabulary has no such pieces.
  init?(_ vocabulary: Vocabulary, index: PieceIndex) {
    var lengths = [Set<Int>](repeating: [], count: 256)
    for (id, kind) in vocabulary.kinds.enumerated() where kind == .userDefined {
      let range = vocabulary.pieces.range(of: id)
      guard !range.isEmpty else { continue }
      lengths[Int(vocabulary.pieces.bytes[range.lowerBound])].insert(range.count)
    }
    guard lengths.contains(where: { !$0.isEmpty }) else { return nil }
    self.index = index
    kinds = vocabulary.kinds
    self.lengths = lengths.map { $0.sorted(by: >) }
  }

  /// The longest user-defined piece that begins at `start`.
  func longestMatch(
    in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (id: TokenID, length: Int)? {
    for length in lengths[Int(text[start])] where length <= text.count - start {
      if let id = index.id(of: .init(rebasing: text[start..<start + length])),
        kinds[Int(id)] == .userDefined
      {
        return (id, length)
      }
    }
    return nil
  }
}
