import ModelFile

/// The type of a metadata value; raw values are the format's type numbers.
enum GGUFValueType: UInt32 {
  case uint8 = 0
  case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// Bytes of one value; `nil` for strings and arrays, whose size is in the file.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// The key/value part of a GGUF file: where each value is and of which type, read on demand.
struct GGUFMetadata {
  /// A value's type and place.
  private struct Entry {
    var type: GGUFValueType
    /// Number of elements when it is an array of `type`.
    var count: Int?
    /// First byte, after an array's own header.
    var offset: Int

    var description: String { count.map { "an array of \($0) \(type)" } ?? "\(type)" }
  }

  private static let maxKeyBytes = 256
  /// Far more than any vocabulary; bounds the work a hostile file can cause.
  private static let maxArrayCount = 1 << 24

  private let input: InputFile
  private var entries: [String: Entry] = [:]

  /// Reads `count` key/value pairs, checks each and moves past them.
  init(reading reader: inout GGUFReader, count: Int) throws {
    input = reader.input
    for index in 0..<count {
      let key = try reader.name("key of metadata \(index)", limit: Self.maxKeyBytes)
      let entry = try Self.entry(of: key, reading: &reader)
      guard entries.updateValue(entry, forKey: key) == nil else {
        throw input.damaged("metadata key '\(key)' occurs twice")
      }
    }
  }

  private static func entry(of key: String, reading reader: inout GGUFReader) throws -> Entry {
    let type = try valueType(of: key, reading: &reader)
    guard type == .array else {
      let entry = Entry(type: type, count: nil, offset: reader.offset)
      try skip(1, type, of: key, reading: &reader)
      return entry
    }
    let elementType = try valueType(of: key, reading: &reader)
    guard elementType != .array else {
      throw reader.input.damaged(
        "metadata '\(key)' is an array of arrays, which GGUF models do not have")
    }
    let count = try reader.count("number of elements of '\(key)'", limit: maxArrayCount)
    let entry = Entry(type: elementType, count: count, offset: reader.offset)
    try skip(count, elementType, of: key, reading: &reader)
    return entry
  }

  private static func valueType(
    of key: String, reading reader: inout GGUFReader
  ) throws -> GGUFValueType {
    let number = try reader.integer("type of '\(key)'", as: UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw reader.input.damaged("metadata '\(key)' has value type \(number); types are 0 to 12")
    }
    return type
  }

  /// Passes over values, checking those that can be wrong in themselves.
  private static func skip(
    _ count: Int, _ type: GGUFValueType, of key: String, reading reader: inout GGUFReader
  ) throws {
    switch type {
    case .string:
      for _ in 0..<count { try reader.skipString("string in '\(key)'") }
    case .bool:
      for _ in 0..<count {
        let value = try reader.integer("'\(key)'", as: UInt8.self)
        guard value <= 1 else {
          throw reader.input.damaged("metadata '\(key)' is a bool of \(value); expected 0 or 1")
        }
      }
    default:
      // At most 2^24 values of 8 bytes: no overflow.
      try reader.skip(count * (type.byteCount ?? 0), "'\(key)'")
    }
  }
}

extension GGUFMetadata {
  /// All keys, sorted.
  var keys: [String] { entries.keys.sorted() }

  /// Whether the file has the key.
  func has(_ key: String) -> Bool { entries[key] != nil }

  /// Number of elements when the value is an array.
  func count(of key: String) -> Int? { entries[key]?.count }

  /// A `uint32`, or `nil` when the key is absent.
  func uint32(_ key: String) throws -> UInt32? {
    guard var reader = try reader(key, .uint32, array: false) else { return nil }
    return try reader.integer(key)
  }

  /// A `uint16`, or `nil` when the key is absent.
  func uint16(_ key: String) throws -> UInt16? {
    guard var reader = try reader(key, .uint16, array: false) else { return nil }
    return try reader.integer(key)
  }

  /// A finite `float32`, or `nil` when the key is absent.
  func float(_ key: String) throws -> Float? {
    guard var reader = try reader(key, .float32, array: false) else { return nil }
    return try reader.float(key)
  }

  /// A `bool`, or `nil` when the key is absent.
  func bool(_ key: String) throws -> Bool? {
    guard var reader = try reader(key, .bool, array: false) else { return nil }
    return try reader.integer(key, as: UInt8.self) != 0
  }

  /// A string, or `nil` when the key is absent; invalid UTF-8 is repaired.
  func string(_ key: String) throws -> String? {
    guard var reader = try reader(key, .string, array: false) else { return nil }
    return String(decoding: try reader.string("'\(key)'"), as: UTF8.self)
  }

  /// An array of byte strings, or `nil` when the key is absent.
  ///
  /// - Parameters:
  ///   - count: The most elements that make sense.
  ///   - bytes: The longest string that makes sense.
  func strings(_ key: String, maxCount: Int, maxBytes: Int) throws -> [[UInt8]]? {
    guard var reader = try reader(key, .string, array: true) else { return nil }
    return try elements(key, maxCount: maxCount) { index in
      try reader.string("string \(index) of '\(key)'", limit: maxBytes)
    }
  }

  /// An array of finite `float32`, or `nil` when the key is absent.
  func floats(_ key: String, maxCount: Int) throws -> [Float]? {
    guard var reader = try reader(key, .float32, array: true) else { return nil }
    return try elements(key, maxCount: maxCount) { try reader.float("\(key)[\($0)]") }
  }

  /// An array of `int32`, or `nil` when the key is absent.
  func int32s(_ key: String, maxCount: Int) throws -> [Int32]? {
    guard var reader = try reader(key, .int32, array: true) else { return nil }
    return try elements(key, maxCount: maxCount) { try reader.integer("\(key)[\($0)]") }
  }

  private func elements<T>(
    _ key: String, maxCount: Int, _ read: (_ index: Int) throws -> T
  ) throws -> [T] {
    let count = entries[key]?.count ?? 0
    guard count <= maxCount else {
      throw input.damaged("metadata '\(key)' has \(count) elements; at most \(maxCount) make sense")
    }
    return try (0..<count).map(read)
  }

  /// A reader at the value, after checking its type.
  private func reader(_ key: String, _ type: GGUFValueType, array: Bool) throws -> GGUFReader? {
    guard let entry = entries[key] else { return nil }
    guard entry.type == type, (entry.count != nil) == array else {
      let expected = array ? "an array of \(type)" : "\(type)"
      throw input.damaged("metadata '\(key)' is \(entry.description); expected \(expected)")
    }
    return GGUFReader(input, at: entry.offset)
  }
}

extension GGUFReader {
  /// Reads a non-empty name of printable ASCII.
  mutating func name(_ what: @autoclosure () -> String, limit: Int) throws -> String {
    let bytes = try string(what(), limit: limit)
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw input.damaged("\(what()) is empty or not printable ASCII")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads a finite float.
  mutating func float(_ what: @autoclosure () -> String) throws -> Float {
    let value = Float(bitPattern: try integer(what(), as: UInt32.self))
    guard value.isFinite else {
      throw input.damaged("metadata '\(what())' is \(value); expected a finite number")
    }
    return value
  }
}
