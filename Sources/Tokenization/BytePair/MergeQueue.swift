/// The possible merges, best first: a binary heap.
struct MergeQueue {
  /// A possible merge of two neighbours.
  struct Candidate {
    /// Lower goes first.
    var priority: UInt32
    /// The token it makes.
    var id: TokenID
    /// The left symbol; of equal priorities the leftmost goes first.
    var left: Int

    static func < (a: Self, b: Self) -> Bool {
      a.priority != b.priority ? a.priority < b.priority : a.left < b.left
    }
  }

  private var heap: [Candidate] = []

  /// Adds a candidate.
  mutating func push(_ candidate: Candidate) {
    heap.append(candidate)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard candidate < heap[parent] else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = candidate
  }

  /// Removes the best candidate.
  mutating func pop() -> Candidate? {
    guard let best = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return best }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count && heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return best
  }
}
