import CEditLine
import Chat
import Foundation

/// `text` with everything a terminal would obey made visible; see ``TerminalText/visible(_:)``.
///
/// - Parameter singleLine: Show newlines as well, so that the text stays on its line.
func visible(_ text: String, singleLine: Bool = false) -> String {
  let shown = TerminalText.visible(text)
  return singleLine ? String(shown.map { $0 == "\n" ? "␊" : $0 }) : shown
}

extension String {
  /// Columns that the text takes.
  var columns: Int {
    unicodeScalars.reduce(0) { $0 + max(0, Int(editline_columns($1.wide))) }
  }

  /// As much of the text as fits into `columns`.
  func fitted(to columns: Int) -> String {
    var rest = columns
    return String(
      prefix { character in
        rest -= character.unicodeScalars.reduce(0) {
          $0 + max(0, Int(editline_columns($1.wide)))
        }
        return rest >= 0
      })
  }

  /// The text in rows of at most `columns`, as long as its parts allow; `separator` goes where a row ends.
  func rows(ofParts separator: String, columns: Int) -> [String] {
    components(separatedBy: separator).reduce(into: []) { rows, part in
      if let row = rows.last, (row + separator + part).columns <= columns {
        rows[rows.count - 1] += separator + part
      } else {
        rows.append(part)
      }
    }
  }
}
