import CEditLine
import Foundation

/// A note beside a reply that is being written: it stands behind the last word, moves along with the
/// text for a moment, and leaves no trace.
struct ReplyHint {
  /// Columns in use of the row that the reply is in.
  private(set) var column = 0
  private var text = ""
  private var until = ContinuousClock.now
  /// Whether there is one on the screen.
  private(set) var isShown = false

  /// How long it can be read when nothing else changes.
  private static let duration = Duration.seconds(2)

  /// Sets another note.
  mutating func set(_ text: String) {
    self.text = text
    until = .now + Self.duration
  }

  /// The note while its time lasts.
  var note: String { text.isEmpty || ContinuousClock.now >= until ? "" : " ‹\(text)›" }

  /// What takes the note off the screen: the reply is the last thing on it.
  mutating func erasure() -> String {
    defer { isShown = false }
    return isShown ? "\u{1B}[J" : ""
  }

  /// What puts the note onto the screen, with the cursor back where it was; nothing when its time is over
  /// or the row has no room for it.
  mutating func painting(columns: Int, style: (String) -> String) -> String {
    let note = note
    guard !note.isEmpty, column + note.columns < columns else { return "" }
    isShown = true
    // Without automatic line breaks, so that a mistake about the column cannot scroll the screen.
    return "\u{1B}7\u{1B}[?7l" + style(note) + "\u{1B}[?7h\u{1B}8"
  }

  /// Takes note of what was written; escape sequences take no room.
  mutating func advance(over text: String, columns: Int) {
    var isInEscape = false
    for scalar in text.unicodeScalars {
      if isInEscape {
        isInEscape = !("@"..."~").contains(scalar) || scalar == "["
      } else if scalar == "\u{1B}" {
        isInEscape = true
      } else if scalar == "\n" || scalar == "\r" {
        column = 0
      } else if scalar == "\t" {
        column = min(columns - 1, column / 8 * 8 + 8)
      } else {
        let width = max(0, Int(editline_columns(scalar.wide)))
        column = column + width > columns ? width : column + width
      }
    }
  }

  /// The reply is over.
  mutating func end() {
    text = ""
    column = 0
  }
}
