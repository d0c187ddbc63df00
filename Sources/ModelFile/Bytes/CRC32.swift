/// The CRC-32 of IEEE 802.3, as zlib, gzip and zip compute it.
public struct CRC32: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  /// Creates the checksum of no bytes.
  public init() {}

  /// The checksum of all bytes so far.
  public var value: UInt32 { ~state }

  /// Adds bytes.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    var state = state
    let isContiguous: Void? = bytes.withContiguousStorageIfAvailable {
      CRC32.update(&state, UnsafeRawBufferPointer($0))
    }
    if isContiguous == nil {
      for byte in bytes { CRC32.update(&state, byte) }
    }
    self.state = state
  }

  /// Adds four bytes at a time, each by the table of its distance from the end.
  private static func update(_ state: inout UInt32, _ bytes: UnsafeRawBufferPointer) {
    let tables = CRC32.tables
    var index = 0
    while bytes.count - index >= 4 {
      let word = state ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
      state =
        tables[3 << 8 | Int(word & 0xFF)] ^ tables[2 << 8 | Int(word >> 8 & 0xFF)]
        ^ tables[1 << 8 | Int(word >> 16 & 0xFF)] ^ tables[Int(word >> 24)]
      index += 4
    }
    while index < bytes.count {
      update(&state, bytes[index])
      index += 1
    }
  }

  private static func update(_ state: inout UInt32, _ byte: UInt8) {
    state = tables[Int((state ^ UInt32(byte)) & 0xFF)] ^ (state >> 8)
  }

  /// The checksum of some bytes; that of the ASCII text `123456789` is `0xCBF43926`.
  public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes)
    return crc.value
  }

  /// Remainders of all byte values by the reflected polynomial; then of these values with one, two
  /// and three zero bytes after them.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { remainder, _ in
        remainder & 1 == 1 ? 0xEDB8_8320 ^ (remainder >> 1) : remainder >> 1
      }
    }
    for index in 256..<1024 {
      let shorter = tables[index - 256]
      tables.append(tables[Int(shorter & 0xFF)] ^ (shorter >> 8))
    }
    return tables
  }()
}
