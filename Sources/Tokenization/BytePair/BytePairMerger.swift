/// Byte-pair encoding itself: repeatedly merges the two neighbours that go first, in O(n log n).
struct BytePairMerger {
  /// A stretch of the text, on its way to be a token.
  struct Symbol {
    /// Its token, when that is known.
    var id: TokenID?
    /// Its first byte in the text.
    var start: Int
    /// The byte after its last; equal to `start` once it is merged into its left neighbour.
    var end: Int
    /// Its neighbours; -1 and `symbols.count` are the ends.
    fileprivate var previous: Int
    fileprivate var next: Int

    /// Its bytes in the text.
    var range: Range<Int> { start..<end }
  }

  private let pieces: PieceList
  private var symbols: [Symbol] = []
  private var queue = MergeQueue()

  init(_ pieces: PieceList) { self.pieces = pieces }

  /// Adds a symbol at the right: its bytes, where the last one's end; not empty.
  mutating func append(_ range: Range<Int>, id: TokenID?) {
    symbols.append(
      Symbol(
        id: id, start: range.lowerBound, end: range.upperBound, previous: symbols.count - 1,
        next: symbols.count + 1))
  }

  /// Merges until nothing merges any more, hands over what is left, and is empty again.
  ///
  /// - Parameters:
  ///   - merge: The token two neighbours make, and its priority: lower goes first, then leftmost.
  ///   - emit: Called for each remaining symbol from left to right.
  mutating func run(
    merge: (Symbol, Symbol) -> (priority: UInt32, id: TokenID)?, emit: (Symbol) -> Void
  ) {
    for left in symbols.indices.dropLast() { consider(left, merge) }
    while let candidate = queue.pop() {
      let left = symbols[candidate.left]
      // Merged away, or at the end: its right neighbour was merged into it.
      guard !left.range.isEmpty, left.next < symbols.count else { continue }
      let right = symbols[left.next]
      // Stale: one of the two has grown since.
      guard left.range.count + right.range.count == pieces.range(of: Int(candidate.id)).count
      else { continue }
      symbols[left.next].end = right.start
      symbols[candidate.left].id = candidate.id
      symbols[candidate.left].end = right.end
      symbols[candidate.left].next = right.next
      if right.next < symbols.count { symbols[right.next].previous = candidate.left }
      if left.previous >= 0 { consider(left.previous, merge) }
      if right.next < symbols.count { consider(candidate.left, merge) }
    }
    for symbol in symbols where !symbol.range.isEmpty { emit(symbol) }
    symbols.removeAll(keepingCapacity: true)
  }

  /// Queues the merge of a symbol with its right neighbour, which it must have.
  private mutating func consider(
    _ index: Int, _ merge: (Symbol, Symbol) -> (priority: UInt32, id: TokenID)?
  ) {
    let left = symbols[index]
    let right = symbols[left.next]
    guard let (priority, id) = merge(left, right) else { return }
    queue.push(.init(priority: priority, id: id, left: index))
  }
}
