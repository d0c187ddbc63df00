/// A JSON value of unknown origin (RFC 8259).
///
/// Strings are bytes, not `String`s: two keys that Swift would call equal may differ in a file.
enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// A number written as an integer that fits 64 bits, without exponent, fraction or `-0`.
  case integer(Int)
  case number(Double)
  case string([UInt8])
  case array([JSONValue])
  case object([[UInt8]: JSONValue])

  /// A member of an object; `nil` for other values and other keys.
  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[Array(key.utf8)]
  }

  /// The value, unless it is `null`.
  var nonNull: JSONValue? { self == .null ? nil : self }

  /// An integer's value.
  var int: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// Any number's value.
  var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// A string's text.
  var text: String? {
    guard case .string(let bytes) = self else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A string's bytes.
  var bytes: [UInt8]? {
    guard case .string(let bytes) = self else { return nil }
    return bytes
  }

  /// A boolean's value.
  var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// An array's elements.
  var elements: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// An object's members.
  var members: [[UInt8]: JSONValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// What kind of value it is, for errors; short values are quoted.
  var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let bytes): "\"\(String(decoding: bytes.prefix(40), as: UTF8.self))\""
    case .array(let elements): "an array of \(elements.count)"
    case .object: "an object"
    }
  }
}
