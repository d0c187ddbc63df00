/// A little-endian cursor over bytes that throws, naming field and offset, when they run short.
///
/// It does not own the bytes: they must outlive it.
public struct ByteReader {
  /// All the bytes.
  public let bytes: UnsafeRawBufferPointer
  /// The file's path, for errors.
  public let path: String?
  /// Index of the next byte.
  public private(set) var offset = 0

  /// Starts at the first byte.
  public init(_ bytes: UnsafeRawBufferPointer, path: String? = nil) {
    self.bytes = bytes
    self.path = path
  }

  /// Bytes not read yet.
  public var remaining: Int { bytes.count - offset }

  /// Reads an integer of any width.
  public mutating func read<T: FixedWidthInteger>(
    _ type: T.Type = T.self, _ field: @autoclosure () -> String
  ) throws(ModelFileError) -> T {
    let field = try read(count: MemoryLayout<T>.size, field())
    return T(littleEndian: field.loadUnaligned(as: T.self))
  }

  /// Reads an IEEE single-precision number, whatever its value.
  public mutating func readFloat(
    _ field: @autoclosure () -> String
  ) throws(ModelFileError) -> Float {
    Float(bitPattern: try read(UInt32.self, field()))
  }

  /// Reads `count` bytes, as a view of them; a negative count throws.
  public mutating func read(
    count: Int, _ field: @autoclosure () -> String
  ) throws(ModelFileError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw ModelFileError(
        "\(field()) at byte \(SizeText.grouped(offset)) needs \(SizeText.grouped(count)) bytes;"
          + " \(SizeText.grouped(remaining)) are left", path: path)
    }
    let start = offset
    offset += count
    return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
  }

  /// Goes to an absolute offset; one past the last byte is allowed.
  public mutating func seek(
    to target: Int, _ field: @autoclosure () -> String
  ) throws(ModelFileError) {
    guard target >= 0, target <= bytes.count else {
      throw ModelFileError(
        "\(field()) should be at byte \(SizeText.grouped(target)) of"
          + " \(SizeText.grouped(bytes.count))", path: path)
    }
    offset = target
  }
}
