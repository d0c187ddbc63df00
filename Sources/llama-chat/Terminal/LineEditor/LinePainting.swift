import CEditLine

/// The rows of the screen that libedit paints a line on.
struct LinePainting {
  private struct Row {
    /// Columns used; blanks at the end are never painted.
    var width: Int
    /// Whether the terminal itself went on to the next row, and joins the two when it gets wider.
    var wraps: Bool
  }

  /// The two columns of `> `.
  private static let promptColumns = 2

  private let columns: Int
  private var rows: [Row] = []
  /// The column behind the last character.
  private(set) var end = LinePainting.promptColumns
  private var cursor = (row: 0, column: LinePainting.promptColumns)

  /// Lays out a line with the prompt before it, and the cursor before its code point number `cursor`.
  init(_ text: String.UnicodeScalarView, cursor: Int, columns: Int) {
    self.columns = columns
    var column = Self.promptColumns
    var painted = column
    func place() -> (row: Int, column: Int) { (rows.count, column) }
    func endRow(wraps: Bool) {
      rows.append(Row(width: painted, wraps: wraps))
      (column, painted) = (0, 0)
    }
    for (index, scalar) in text.enumerated() {
      if index == cursor { self.cursor = place() }
      if scalar == "\n" {
        endRow(wraps: false)
        continue
      }
      let isTab = scalar == "\t"
      let width = isTab ? 8 - column % 8 : max(0, Int(editline_columns(scalar.wide)))
      if column + width > columns { endRow(wraps: false) }
      column += width
      if scalar != " ", !isTab { painted = column }
      if column >= columns { endRow(wraps: painted >= columns) }
    }
    if cursor >= text.count { self.cursor = place() }
    rows.append(Row(width: painted, wraps: false))
    end = column
  }

  /// Whether it is one row with so many columns left.
  func isOneRow(leaving free: Int) -> Bool { rows.count == 1 && end + free <= columns }

  /// Rows between the cursor's and the last.
  var rowsBelowCursor: Int { rows.count - 1 - cursor.row }

  /// How many rows the cursor is below the prompt once the terminal has broken the rows anew for
  /// another width.
  func cursorRow(afterReflowTo columns: Int) -> Int {
    var above = 0
    var line = 0
    for row in rows[..<cursor.row] {
      line += row.width
      guard !row.wraps else { continue }
      above += max(1, (line + columns - 1) / columns)
      line = 0
    }
    return above + (line + cursor.column) / columns
  }
}

extension Unicode.Scalar {
  /// The scalar as C's wide character.
  var wide: wchar_t { wchar_t(bitPattern: value) }
}
