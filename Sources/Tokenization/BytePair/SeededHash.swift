/// A fast hash for tables built at every start: multiply and fold, eight bytes at a time.
///
/// Seeded per process, so that no file can be made to collide.
enum SeededHash {
  private static let seed = UInt64.random(in: .min ... .max)

  /// The hash of a number.
  static func hash(_ number: UInt64) -> UInt64 { fold(number ^ seed) }

  /// The hash of bytes.
  static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let bytes = UnsafeRawBufferPointer(bytes)
    var hash = seed ^ UInt64(bytes.count)
    var index = 0
    while bytes.count - index >= 8 {
      hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = tail << 8 | UInt64(bytes[index])
      index += 1
    }
    return fold(hash ^ tail)
  }

  /// Multiplies by the golden ratio's fraction, which spreads low bits upwards, and folds them back.
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
}
