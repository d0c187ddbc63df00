import ModelFile

/// A position in a GGUF file and the little-endian values found there, read through a small window.
///
/// Nothing is allocated on the file's word: lengths are checked against the bytes that are left.
struct GGUFReader {
  /// The longest string that is accepted, in bytes.
  static let maxStringBytes = 16 << 20
  private static let windowBytes = 1 << 16

  let input: InputFile
  /// The next byte to read.
  private(set) var offset: Int
  private var window: [UInt8] = []
  private var windowStart = 0

  init(_ input: InputFile, at offset: Int = 0) {
    self.input = input
    self.offset = offset
  }

  /// Bytes from here to the end of the file.
  var remaining: Int { input.size - offset }

  /// Reads a number.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ what: @autoclosure () -> String, as type: T.Type = T.self
  ) throws -> T {
    let size = MemoryLayout<T>.size
    try fill(size, what())
    let start = offset - windowStart
    offset += size
    return T(
      littleEndian: window.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: T.self) })
  }

  /// Reads a 64-bit count and checks it against a limit.
  mutating func count(_ what: @autoclosure () -> String, limit: Int) throws -> Int {
    let found = try integer(what(), as: UInt64.self)
    guard let count = Int(exactly: found), count <= limit else {
      throw input.damaged("\(what()) is \(found); at most \(limit) is accepted")
    }
    return count
  }

  /// Reads a string: its 64-bit length and its bytes.
  mutating func string(
    _ what: @autoclosure () -> String, limit: Int = Self.maxStringBytes
  ) throws -> [UInt8] {
    let count = try stringLength(what(), limit: limit)
    return try bytes(count, what())
  }

  /// Passes over a string.
  mutating func skipString(_ what: @autoclosure () -> String) throws {
    let count = try stringLength(what(), limit: Self.maxStringBytes)
    offset += count
  }

  /// Passes over bytes.
  mutating func skip(_ count: Int, _ what: @autoclosure () -> String) throws {
    guard count <= remaining else { throw cutShort(count, what()) }
    offset += count
  }

  private mutating func stringLength(_ what: @autoclosure () -> String, limit: Int) throws -> Int {
    let start = offset
    let found = try integer(what() + "'s length", as: UInt64.self)
    guard let count = Int(exactly: found), count <= min(limit, remaining) else {
      throw input.damaged(
        "\(what()) at byte \(start) is \(found) bytes long; "
          + "at most \(min(limit, remaining)) are possible there")
    }
    return count
  }

  private mutating func bytes(_ count: Int, _ what: @autoclosure () -> String) throws -> [UInt8] {
    guard count <= remaining else { throw cutShort(count, what()) }
    defer { offset += count }
    guard count > Self.windowBytes else {
      try fill(count, what())
      return Array(window[offset - windowStart..<offset - windowStart + count])
    }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try input.read(at: offset, into: $0) }
    return bytes
  }

  /// Makes the window hold the next `count` bytes, no more than a window.
  private mutating func fill(_ count: Int, _ what: @autoclosure () -> String) throws {
    guard count <= remaining else { throw cutShort(count, what()) }
    if offset >= windowStart, offset + count <= windowStart + window.count { return }
    window = [UInt8](repeating: 0, count: min(Self.windowBytes, remaining))
    windowStart = offset
    try window.withUnsafeMutableBytes { try input.read(at: offset, into: $0) }
  }

  private func cutShort(_ count: Int, _ what: String) -> ConversionError {
    input.damaged(
      "cut short: \(what) takes \(count) bytes at byte \(offset), and the file ends at \(input.size)"
    )
  }
}
