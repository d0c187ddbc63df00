/// Reads JSON text of unknown origin, strictly: no duplicate keys, no depth and no number of values that
/// would cost more than the text is worth, no text after the value.
struct JSONReader {
  /// What is wrong, without the file's name.
  struct Problem: Error { var reason: String }

  /// The deepest nesting of arrays and objects that is read.
  private let maxDepth: Int
  /// The most values and keys that are read.
  private var valuesLeft: Int
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  private init(_ text: UnsafeBufferPointer<UInt8>, maxDepth: Int, maxValues: Int) {
    self.text = text
    self.maxDepth = maxDepth
    valuesLeft = maxValues
  }

  /// The value of a whole text in UTF-8.
  ///
  /// - Parameters:
  ///   - maxDepth: The deepest nesting of arrays and objects.
  ///   - maxValues: The most values, keys included.
  /// - Throws: ``Problem`` naming the byte.
  static func value(
    _ text: [UInt8], maxDepth: Int = 32, maxValues: Int = 3 << 20
  ) throws -> JSONValue {
    try text.withUnsafeBufferPointer { text in
      var reader = JSONReader(text, maxDepth: maxDepth, maxValues: maxValues)
      let value = try reader.value(depth: 0)
      reader.skipSpace()
      guard reader.position == text.count else {
        throw reader.problem("expected the end of the text")
      }
      return value
    }
  }

  private func problem(_ expected: String) -> Problem {
    guard position < text.count else {
      return Problem(reason: "JSON ends at byte \(position); \(expected)")
    }
    let byte = text[position]
    let found =
      0x21...0x7E ~= byte ? "'\(Unicode.Scalar(byte))'" : "0x\(String(byte, radix: 16))"
    return Problem(reason: "JSON has \(found) at byte \(position); \(expected)")
  }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// Takes the next byte when it is this one, after white space.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func count() throws {
    valuesLeft -= 1
    guard valuesLeft >= 0 else { throw Problem(reason: "JSON has too many values") }
  }

  // MARK: - Values

  private mutating func value(depth: Int) throws -> JSONValue {
    try count()
    skipSpace()
    guard position < text.count else { throw problem("expected a value") }
    switch text[position] {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw problem("expected a value")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
    guard text[position...].starts(with: word.utf8) else { throw problem("expected \(word)") }
    position += word.utf8.count
    return value
  }

  private func check(_ depth: Int) throws {
    guard depth <= maxDepth else {
      throw Problem(reason: "JSON is nested more than \(maxDepth) deep at byte \(position)")
    }
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    try check(depth)
    position += 1
    var elements: [JSONValue] = []
    if take("]") { return .array(elements) }
    repeat { elements.append(try value(depth: depth)) } while take(",")
    guard take("]") else { throw problem("expected ',' or ']'") }
    return .array(elements)
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    try check(depth)
    position += 1
    var members: [[UInt8]: JSONValue] = [:]
    if take("}") { return .object(members) }
    repeat {
      try count()
      skipSpace()
      guard position < text.count, text[position] == UInt8(ascii: "\"") else {
        throw problem("expected a key in quotes")
      }
      let key = try string()
      guard take(":") else { throw problem("expected ':'") }
      guard members.updateValue(try value(depth: depth), forKey: key) == nil else {
        let name = String(decoding: key.prefix(80), as: UTF8.self)
        throw Problem(reason: "JSON key \"\(name)\" occurs twice, before byte \(position)")
      }
    } while take(",")
    guard take("}") else { throw problem("expected ',' or '}'") }
    return .object(members)
  }

  // MARK: - Numbers

  private mutating func number() throws -> JSONValue {
    let start = position
    if text[position] == UInt8(ascii: "-") { position += 1 }
    let first = position
    let digits = skipDigits()
    guard digits > 0, digits == 1 || text[first] != UInt8(ascii: "0") else {
      throw problem("expected a number without leading zeros")
    }
    var isInteger = true
    if position < text.count, text[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard skipDigits() > 0 else { throw problem("expected digits after '.'") }
    }
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      if position < text.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(text[position]) {
        position += 1
      }
      guard skipDigits() > 0 else { throw problem("expected digits in the exponent") }
    }
    let literal = String(decoding: text[start..<position], as: UTF8.self)
    if isInteger, literal != "-0", let value = Int(literal) { return .integer(value) }
    guard let value = Double(literal), value.isFinite else {
      throw Problem(reason: "JSON number at byte \(start) is out of range")
    }
    return .number(value)
  }

  /// Passes over digits; how many there were.
  private mutating func skipDigits() -> Int {
    let start = position
    while position < text.count, 0x30...0x39 ~= text[position] { position += 1 }
    return position - start
  }

  // MARK: - Strings

  /// The bytes of a string in quotes: valid UTF-8, escapes resolved.
  private mutating func string() throws -> [UInt8] {
    let start = position
    position += 1
    var bytes: [UInt8] = []
    while position < text.count {
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard String(validating: bytes, as: UTF8.self) != nil else {
          throw Problem(reason: "JSON string at byte \(start) is not valid UTF-8")
        }
        return bytes
      case UInt8(ascii: "\\"):
        position += 1
        bytes += try escape()
      case 0..<0x20:
        throw problem("control characters in strings must be escaped")
      default:
        bytes.append(byte)
        position += 1
      }
    }
    throw problem("expected the end of the string that begins at byte \(start)")
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F,
    UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
    UInt8(ascii: "t"): 9,
  ]

  /// The bytes of an escape, from the character after the backslash on.
  private mutating func escape() throws -> [UInt8] {
    guard position < text.count else { throw problem("expected an escape") }
    if let byte = Self.escapes[text[position]] {
      position += 1
      return [byte]
    }
    guard text[position] == UInt8(ascii: "u") else { throw problem("expected an escape") }
    position += 1
    let first = try codeUnit()
    var value = UInt32(first)
    if UTF16.isLeadSurrogate(first) {
      guard text[position...].starts(with: "\\u".utf8) else {
        throw problem("expected the second half of a surrogate pair")
      }
      position += 2
      let second = try codeUnit()
      guard UTF16.isTrailSurrogate(second) else {
        throw problem("expected the second half of a surrogate pair before this")
      }
      value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
      throw problem("half of a surrogate pair stands alone before this")
    }
    return Array(encoded)
  }

  private mutating func codeUnit() throws -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard position < text.count,
        let digit = Character(Unicode.Scalar(text[position])).hexDigitValue
      else { throw problem("expected four hexadecimal digits") }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}

extension InputFile {
  /// The value of a JSON file.
  ///
  /// - Throws: ``ConversionError`` naming the file and the byte.
  func json(limit: Int = 64 << 20) throws -> JSONValue {
    try parsedJSON(try contents(limit: limit))
  }

  /// Parses JSON that was found in this file.
  func parsedJSON(
    _ text: [UInt8], maxDepth: Int = 32, maxValues: Int = 3 << 20
  ) throws -> JSONValue {
    do {
      return try JSONReader.value(text, maxDepth: maxDepth, maxValues: maxValues)
    } catch let problem as JSONReader.Problem {
      throw damaged(problem.reason)
    }
  }
}
