import ModelFile

/// Reads the fields of one protocol buffer message of unknown origin.
struct ProtobufReader {
  /// A field's value; groups, deprecated long ago, are refused.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(UnsafeRawBufferPointer)
    case fixed32(UInt32)
  }

  private var reader: ByteReader
  /// What the message is, for errors.
  private let name: () -> String

  /// - Parameter name: What the message is, for errors.
  init(_ bytes: UnsafeRawBufferPointer, name: @autoclosure @escaping () -> String) {
    reader = ByteReader(bytes)
    self.name = name
  }

  /// The next field; `nil` at the end of the message.
  ///
  /// - Throws: ``TokenizerError`` naming the message and the byte in it.
  mutating func next() throws -> (number: UInt64, value: Value)? {
    guard reader.remaining > 0 else { return nil }
    let offset = reader.offset
    let tag = try varint()
    let number = tag >> 3
    guard 1...0x1FFF_FFFF ~= number else {
      throw TokenizerError(reason: "\(name()), byte \(offset): \(number) is not a field number")
    }
    switch tag & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try reader.read(UInt64.self, "\(name()), field \(number)")))
    case 2:
      let length = try varint()
      guard let length = Int(exactly: length) else {
        throw TokenizerError(reason: "\(name()), field \(number) has \(length) bytes")
      }
      return (number, .bytes(try reader.read(count: length, "\(name()), field \(number)")))
    case 5: return (number, .fixed32(try reader.read(UInt32.self, "\(name()), field \(number)")))
    default:
      throw TokenizerError(
        reason: "\(name()), byte \(offset): wire type \(tag & 7) is not one of 0, 1, 2, 5")
    }
  }

  private mutating func varint() throws -> UInt64 {
    let offset = reader.offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 70 {
      let byte = try reader.read(count: 1, "\(name()), a varint")[0]
      let bits = UInt64(byte & 0x7F)
      // The tenth byte holds the one bit that is left of 64.
      guard shift < 63 || bits <= 1 else { break }
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw TokenizerError(reason: "\(name()), byte \(offset): a varint is longer than 64 bits")
  }
}
