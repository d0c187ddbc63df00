/// What one press of a key means to the line editor.
enum Key: Hashable {
  /// A character, Ctrl-letters included.
  case character(Unicode.Scalar)
  /// Alt and a character.
  case meta(Unicode.Scalar)
  /// A key that sends an escape sequence.
  case named(NamedKey)
  /// Text the terminal marked as pasted: lines end with `\n`, control characters are gone.
  case paste(String)
}

/// The keys and key combinations that terminals send as escape sequences.
enum NamedKey: Hashable {
  case left, right, up, down, home, end, delete
  case wordLeft, wordRight
  case newline
}

/// Bytes from a terminal to keys: UTF-8, escape sequences, bracketed paste.
///
/// Sequences it does not know are swallowed whole, so that no key types its own code into the text.
///
/// A pasted text may hold the mark that ends a paste, and what follows would then act as keys. So the end is believed
/// only when no other comes with it: a paste goes on to the last end before the next beginning, or to the last of all.
struct KeyDecoder {
  private enum State: Equatable {
    case ground
    case scalar(length: Int)
    case escape
    case singleShift
    case control
    case string
    case paste
    /// So many bytes were pasted, unless another end of the paste follows.
    case afterPaste(length: Int)
  }

  private var state = State.ground
  /// The bytes of the state so far: of a scalar, a sequence's parameters, or a paste and what came after it.
  private var bytes: [UInt8] = []
  private var keys: [Key] = []

  /// Whether pastes that come without a pause are one, with what is between them.
  var joinsPastes = false

  /// Whether more bytes are needed to know what an earlier byte meant.
  var isMidway: Bool { state != .ground }

  /// Whether the last byte was an Escape, alone as yet.
  var isAfterEscape: Bool { state == .escape }

  /// Whether a paste has begun and not ended.
  var isInPaste: Bool { state == .paste }

  /// Whether a paste may be over: it is when no byte comes for a moment.
  var isAfterPaste: Bool { if case .afterPaste = state { true } else { false } }

  /// Takes bytes as they come; returns the keys they complete.
  mutating func decode(_ input: some Sequence<UInt8>) -> [Key] {
    for byte in input { feed(byte) }
    defer { keys = [] }
    return keys
  }

  /// No byte came for a while: a lone Escape, the end of a paste, or a paste without an end.
  mutating func timeOut() -> [Key] {
    if case .afterPaste(let length) = state {
      endPaste(length: length)
      return decode([])
    }
    switch state {
    case .escape: keys.append(.character("\u{1B}"))
    case .paste: keys.append(.paste(Self.cleaned(bytes)))
    case .scalar: keys.append(.character("\u{FFFD}"))
    case .ground, .singleShift, .control, .string, .afterPaste: break
    }
    enter(.ground)
    return decode([])
  }

  // MARK: - States

  private mutating func enter(_ next: State, with first: [UInt8] = []) {
    state = next
    bytes = first
  }

  private mutating func feed(_ byte: UInt8) {
    switch state {
    case .ground: start(byte)
    case .scalar(let length): continueScalar(byte, length: length)
    case .escape: afterEscape(byte)
    case .singleShift:
      enter(.ground)
      let enterOfKeypad = byte == UInt8(ascii: "M")
      emit(
        enterOfKeypad ? .character("\r") : Self.named(final: byte, parameters: []).map(Key.named))
    case .control: inControl(byte)
    case .string:
      if byte == 0x1B { enter(.escape) }
      if byte == 0x07 { enter(.ground) }
    case .paste: inPaste(byte)
    case .afterPaste(let length):
      inPaste(byte)
      guard byte == UInt8(ascii: "~"), bytes.count - length >= Self.startOfPaste.count,
        bytes.hasSuffix(Self.startOfPaste)
      else { return }
      bytes.removeLast(Self.startOfPaste.count)
      if joinsPastes { return state = .paste }
      endPaste(length: length)
      enter(.paste)
    }
  }

  private mutating func inPaste(_ byte: UInt8) {
    bytes.append(byte)
    guard byte == UInt8(ascii: "~"), bytes.hasSuffix(Self.endOfPaste) else { return }
    bytes.removeLast(Self.endOfPaste.count)
    state = .afterPaste(length: bytes.count)
  }

  /// The paste has ended after so many bytes; the others are keys.
  private mutating func endPaste(length: Int) {
    let keys = bytes[length...]
    emit(.paste(Self.cleaned(bytes[..<length])))
    enter(.ground)
    for byte in keys { feed(byte) }
  }

  private mutating func emit(_ key: Key?) {
    if let key { keys.append(key) }
  }

  private mutating func start(_ byte: UInt8) {
    switch byte {
    case 0x1B: enter(.escape)
    case 0xC2...0xDF: enter(.scalar(length: 2), with: [byte])
    case 0xE0...0xEF: enter(.scalar(length: 3), with: [byte])
    case 0xF0...0xF4: enter(.scalar(length: 4), with: [byte])
    case 0x80...0xFF: emit(.character("\u{FFFD}"))
    default: emit(.character(Unicode.Scalar(byte)))
    }
  }

  private mutating func continueScalar(_ byte: UInt8, length: Int) {
    guard byte & 0xC0 == 0x80 else {
      // The byte belongs to the next key; what came before it is damaged.
      emit(.character("\u{FFFD}"))
      enter(.ground)
      return feed(byte)
    }
    bytes.append(byte)
    guard bytes.count == length else { return }
    // C1 controls never come from a keyboard, and the editor uses their codes for itself.
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars
    where !(0x80...0x9F).contains(scalar.value) {
      emit(.character(scalar))
    }
    enter(.ground)
  }

  private mutating func afterEscape(_ byte: UInt8) {
    enter(.ground)
    switch byte {
    case UInt8(ascii: "["): enter(.control)
    case UInt8(ascii: "O"): enter(.singleShift)
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"):
      enter(.string)
    case UInt8(ascii: "\\"): break  // the end of a string
    case 0x1B: enter(.escape)
    case 0x0D, 0x0A: emit(.named(.newline))
    case 0x00..<0x80: emit(.meta(Unicode.Scalar(byte)))
    default: start(byte)
    }
  }

  private mutating func inControl(_ byte: UInt8) {
    switch byte {
    case 0x20...0x3F:
      bytes.append(byte)
    case 0x40...0x7E:
      let text = String(decoding: bytes, as: UTF8.self)
      enter(.ground)
      if byte == UInt8(ascii: "~"), text == "200" { return enter(.paste) }
      let numbers = text.split(separator: ";", omittingEmptySubsequences: false)
        .map { Int($0) ?? 1 }
      emit(Self.named(final: byte, parameters: numbers).map(Key.named))
    default:
      enter(.ground)
      start(byte)
    }
  }

  // MARK: - Tables

  private static let startOfPaste = Array("\u{1B}[200~".utf8)
  private static let endOfPaste = Array("\u{1B}[201~".utf8)

  private static func named(final: UInt8, parameters: [Int]) -> NamedKey? {
    let first = parameters.first ?? 1
    let modifier = parameters.count > 1 ? parameters[1] : 1
    // A modifier is 1 + Shift 1 + Alt 2 + Ctrl 4 (+ Meta 8).
    let byWord = modifier > 2
    switch final {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return byWord ? .wordRight : .right
    case UInt8(ascii: "D"): return byWord ? .wordLeft : .left
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "F"): return .end
    case UInt8(ascii: "u"): return first == 13 && modifier > 1 ? .newline : nil
    case UInt8(ascii: "~"):
      switch first {
      case 1, 7: return .home
      case 4, 8: return .end
      case 3: return .delete
      case 27: return parameters.count == 3 && parameters[2] == 13 ? .newline : nil
      default: return nil
      }
    default: return nil
    }
  }

  /// Line ends become `\n`; other control characters but tabs are left out, C1 ones included.
  private static func cleaned(_ bytes: some Collection<UInt8>) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    var result = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0D: result.append("\n")
      case 0x0A: if previous != "\r" { result.append("\n") }
      case 0x09, 0x20...0x7E, 0xA0...: result.append(scalar)
      default: break
      }
      previous = scalar
    }
    return String(result)
  }
}

extension [UInt8] {
  fileprivate func hasSuffix(_ end: [UInt8]) -> Bool { suffix(end.count).elementsEqual(end) }
}
