/// The bytes of every piece, end to end in one array, so that a vocabulary loads without one
/// allocation per piece.
public struct PieceList: RandomAccessCollection, Hashable, Sendable {
  /// All pieces' bytes.
  private(set) var bytes: [UInt8] = []
  /// Where each piece begins in ``bytes``, and where the last one ends: `count + 1` values.
  private(set) var offsets: [Int] = [0]

  /// A list without pieces.
  public init() {}

  /// A list of the pieces given.
  public init(_ pieces: some Sequence<[UInt8]>) {
    for piece in pieces { append(piece) }
  }

  /// Makes a list of parts already checked: `offsets` begins with 0, ascends and ends with
  /// `bytes.count`.
  init(bytes: [UInt8], offsets: [Int]) {
    self.bytes = bytes
    self.offsets = offsets
  }

  /// Adds a piece.
  public mutating func append(_ piece: some Sequence<UInt8>) {
    bytes.append(contentsOf: piece)
    offsets.append(bytes.count)
  }

  /// The first piece's index.
  public var startIndex: Int { 0 }
  /// The number of pieces.
  public var endIndex: Int { offsets.count - 1 }
  /// A piece's bytes.
  public subscript(index: Int) -> [UInt8] { Array(bytes[range(of: index)]) }

  /// Where a piece is in ``bytes``.
  func range(of index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }
}
