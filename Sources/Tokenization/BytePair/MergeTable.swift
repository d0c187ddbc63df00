/// Finds byte-level merges by the pair they merge.
struct MergeTable: Sendable {
  /// A pair as one number (its ids' bits), the merge's rank, and the token it makes.
  private struct Slot {
    var pair = Self.free
    var rank: UInt32 = 0
    var id: TokenID = 0

    /// No pair: ids are never negative.
    static let free = UInt64.max
  }

  /// A power of two of slots, at most half of them used.
  private var slots: [Slot]

  /// An empty table with room for this many merges.
  init(capacity: Int) {
    let minimum = max(1, capacity * 2)
    slots = Array(repeating: Slot(), count: 1 << (Int.bitWidth - minimum.leadingZeroBitCount))
  }

  /// Adds a merge; of equal pairs the first counts.
  mutating func insert(_ left: TokenID, _ right: TokenID, rank: UInt32, id: TokenID) {
    let pair = Self.pair(left, right)
    let index = find(pair)
    if slots[index].pair == Slot.free { slots[index] = Slot(pair: pair, rank: rank, id: id) }
  }

  /// The merge of a pair.
  func merge(_ left: TokenID, _ right: TokenID) -> (priority: UInt32, id: TokenID)? {
    let slot = slots[find(Self.pair(left, right))]
    return slot.pair == Slot.free ? nil : (slot.rank, slot.id)
  }

  private static func pair(_ left: TokenID, _ right: TokenID) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The slot that holds the pair, else the free one where it belongs.
  private func find(_ pair: UInt64) -> Int {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: SeededHash.hash(pair)) & mask
    while slots[index].pair != pair && slots[index].pair != Slot.free {
      index = (index + 1) & mask
    }
    return index
  }
}
