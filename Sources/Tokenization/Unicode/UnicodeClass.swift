/// The classes of code points that pre-tokenizers tell apart; raw values are the table's.
enum UnicodeClass: UInt8 {
  /// Everything else: punctuation, symbols, marks, controls, unassigned.
  case other = 0
  /// `\p{L}`.
  case letter = 1
  /// `\p{N}`: decimal digits, letter-like numbers, and others such as ½.
  case number = 2
  /// `\s`: the White_Space property.
  case whitespace = 3

  /// The class of a code point.
  init(_ scalar: UInt32) {
    switch scalar {
    case 0x61...0x7A, 0x41...0x5A: self = .letter
    case 0x20, 0x09...0x0D: self = .whitespace
    case 0x30...0x39: self = .number
    case 0...0x7F: self = .other
    default: self = Self.lookUp(scalar)
    }
  }

  /// Finds the last boundary at or before the code point.
  private static func lookUp(_ scalar: UInt32) -> UnicodeClass {
    let boundaries = UnicodeClassTable.boundaries
    var (low, high) = (0, boundaries.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if boundaries[middle] >> 2 <= scalar { low = middle } else { high = middle }
    }
    return UnicodeClass(rawValue: UInt8(boundaries[low] & 3)) ?? .other
  }
}
