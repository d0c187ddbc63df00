/// Finds pieces by their bytes.
///
/// A hash table on raw bytes: String keys would not do, as `String ==` is canonical equivalence and
/// takes different pieces for one.
struct PieceIndex: Sendable {
  private let pieces: PieceList
  /// The upper half of a piece's hash, then its id; a power of two of slots, at most half of them used.
  private var slots: [UInt64]
  private static let free = UInt64.max

  /// Indexes the pieces that `isIncluded` names by id; of equal pieces the first counts.
  init(_ pieces: PieceList, where isIncluded: (Int) -> Bool) {
    self.pieces = pieces
    let slotCount = max(2, pieces.count * 2 - 1)
    slots = Array(
      repeating: Self.free, count: 1 << (Int.bitWidth - slotCount.leadingZeroBitCount))
    pieces.bytes.withUnsafeBufferPointer { bytes in
      for id in pieces.indices where isIncluded(id) {
        let piece = UnsafeBufferPointer(rebasing: bytes[pieces.range(of: id)])
        let (slot, tag) = find(piece)
        if !piece.isEmpty && slots[slot] == Self.free { slots[slot] = tag | UInt64(id) }
      }
    }
  }

  /// The id of the piece with these bytes.
  func id(of piece: UnsafeBufferPointer<UInt8>) -> TokenID? {
    let entry = slots[find(piece).slot]
    return entry == Self.free ? nil : TokenID(truncatingIfNeeded: entry)
  }

  /// The slot that holds the piece, else the free one where it belongs; and its hash's upper half.
  private func find(_ piece: UnsafeBufferPointer<UInt8>) -> (slot: Int, tag: UInt64) {
    let hash = SeededHash.hash(piece)
    let tag = hash & 0xFFFF_FFFF_0000_0000
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != Self.free {
      let entry = slots[slot]
      if entry & 0xFFFF_FFFF_0000_0000 == tag,
        pieceEquals(piece, id: Int(entry & 0xFFFF_FFFF))
      {
        break
      }
      slot = (slot + 1) & mask
    }
    return (slot, tag)
  }

  private func pieceEquals(_ piece: UnsafeBufferPointer<UInt8>, id: Int) -> Bool {
    let range = pieces.range(of: id)
    guard range.count == piece.count else { return false }
    return pieces.bytes.withUnsafeBufferPointer { bytes in
      UnsafeBufferPointer(rebasing: bytes[range]).elementsEqual(piece)
    }
  }
}
