/// Hands out a stretch of memory from its start, each piece on a cache line of its own.
struct MemoryPieces {
  private static let line = 64

  /// The most bytes that ``take(_:)`` leaves behind a piece.
  static let gap = line - 1

  private var rest: Slice<UnsafeMutableRawBufferPointer>

  init(of memory: HostMemory) { rest = memory.bytes[...] }

  /// Room for `count` elements; it ends with the memory it is of.
  mutating func take<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
    let byteCount = count * MemoryLayout<Element>.stride
    let piece = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(byteCount))
    guard let start = piece.baseAddress, piece.count == byteCount else {
      preconditionFailure("more is taken than was reserved")
    }
    rest = rest.dropFirst((byteCount + Self.gap) / Self.line * Self.line)
    return start.bindMemory(to: Element.self, capacity: count)
  }
}
