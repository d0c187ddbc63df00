/// Little-endian building of byte arrays, the counterpart of ``ByteReader``.
extension Array where Element == UInt8 {
  /// Appends an integer, least significant byte first.
  public mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends an IEEE single-precision number.
  public mutating func append(float value: Float) {
    append(littleEndian: value.bitPattern)
  }

  /// Appends zeros.
  public mutating func append(zeros count: Int) {
    append(contentsOf: repeatElement(0, count: count))
  }

  /// Appends zeros up to the next multiple of `alignment`.
  public mutating func pad(toMultipleOf alignment: Int) {
    append(zeros: (alignment - count % alignment) % alignment)
  }
}
