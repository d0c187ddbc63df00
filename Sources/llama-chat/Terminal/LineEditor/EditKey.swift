/// The codes by which keys reach libedit, and what they do there.
///
/// What a keyboard sends as an escape sequence, and what the program itself asks for, gets a code among
/// the C1 controls (0x80…), which no keyboard sends: one code is one key to libedit, also while it
/// searches the history.
enum EditKey: UInt32, CaseIterable {
  // Ctrl-letters and Backspace.
  case lineStart = 0x01
  case left = 0x02
  case interrupt = 0x03
  case deleteOrEnd = 0x04
  case lineEnd = 0x05
  case right = 0x06
  case externalEditor = 0x07
  case controlBackspace = 0x08
  case complete = 0x09
  case newline = 0x0A
  case killToLineEnd = 0x0B
  case enter = 0x0D
  case down = 0x0E
  case up = 0x10
  case searchHistory = 0x12
  case killToLineStart = 0x15
  case killWord = 0x17
  case suspend = 0x1A
  case restore = 0x1F
  case backspace = 0x7F

  // Keys with escape sequences, and requests of the program.
  case delete = 0x80
  case insert
  case compose
  case resize
  case resume
  case suspendAlone
  case wordLeft
  case wordRight
  case blankWordStart
  case submit
  case previousLine
  case nextLine
  case previousEntry
  case nextEntry
  case previousMatch
  case nextMatch
  case killWordForward
  case setMark
  case noteKill
  case killToMark

  /// libedit's own function for the key; the others are ``LineEditor``'s.
  var builtin: String? {
    switch self {
    case .searchHistory: "em-inc-search-prev"
    case .wordLeft: "ed-prev-word"
    case .wordRight: "em-next-word"
    case .submit: "ed-newline"
    case .previousLine: "ed-prev-line"
    case .nextLine: "ed-next-line"
    case .previousEntry: "ed-prev-history"
    case .nextEntry: "ed-next-history"
    case .setMark: "em-set-mark"
    case .killToMark: "em-kill-region"
    default: nil
    }
  }

  /// The key in libedit's notation for `bind`: an octal escape.
  var notation: String {
    let octal = String(rawValue, radix: 8)
    return "\\" + String(repeating: "0", count: 3 - octal.count) + octal
  }

  /// The code for Alt and a character, where libedit's own function is not wanted.
  init?(alt character: Unicode.Scalar) {
    switch character {
    case "p": self = .previousMatch
    case "n": self = .nextMatch
    case "d": self = .killWordForward
    default: return nil
    }
  }

  /// The code for a key that sends an escape sequence.
  init(_ key: NamedKey) {
    self =
      switch key {
      case .left: .left
      case .right: .right
      case .up: .up
      case .down: .down
      case .home: .lineStart
      case .end: .lineEnd
      case .delete: .delete
      case .wordLeft: .wordLeft
      case .wordRight: .wordRight
      case .newline: .newline
      }
  }
}
