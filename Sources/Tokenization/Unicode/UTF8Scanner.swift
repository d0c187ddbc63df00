/// What the bytes at some place are, as UTF-8.
enum UTF8Step: Equatable {
  /// A whole code point of `length` bytes.
  case scalar(UInt32, length: Int)
  /// A byte that begins no code point: overlong forms, surrogates and values above U+10FFFF included.
  case invalid
  /// The end came too early; more bytes may complete it.
  case incomplete
}

/// UTF-8 where each byte that belongs to no code point stands alone, as in SentencePiece.
///
/// (Swift's own decoder makes one U+FFFD of several such bytes.)
enum UTF8Scanner {
  /// U+FFFD, the replacement character.
  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// Reads the code point at `index`, which must be in bounds.
  static func step(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> UTF8Step {
    let lead = bytes[index]
    // The second byte's range is what rules out overlong forms and surrogates (Unicode, table 3-7).
    let (length, second): (Int, ClosedRange<UInt8>)
    switch lead {
    case 0x00...0x7F: return .scalar(UInt32(lead), length: 1)
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return .invalid
    }
    var scalar = UInt32(lead) & (0x7F >> UInt32(length))
    for distance in 1..<length {
      guard index + distance < bytes.count else { return .incomplete }
      let byte = bytes[index + distance]
      guard (distance == 1 ? second : 0x80...0xBF) ~= byte else { return .invalid }
      scalar = scalar << 6 | UInt32(byte & 0x3F)
    }
    return .scalar(scalar, length: length)
  }

  /// The text with U+FFFD for each byte that is not part of valid UTF-8.
  static func repaired(_ text: some Collection<UInt8>) -> [UInt8] {
    let bytes = Array(text)
    return bytes.withUnsafeBufferPointer { bytes in
      var result: [UInt8] = []
      result.reserveCapacity(bytes.count)
      var index = 0
      while index < bytes.count {
        if case .scalar(_, let length) = step(bytes, at: index) {
          result.append(contentsOf: bytes[index..<index + length])
          index += length
        } else {
          result.append(contentsOf: replacement)
          index += 1
        }
      }
      return result
    }
  }
}
