import CEditLine

/// A walk through the entries of the history that begin with what was before the cursor.
struct PrefixSearch {
  enum Direction {
    case earlier, later
  }

  /// What entries must begin with.
  let prefix: String
  /// The line as it was before.
  let draft: String
  /// Where in the history the walk is; at its end it is at the draft.
  var index: Int
  /// The line that the last step put there.
  var shown: String

  /// Starts at the draft.
  init(prefix: String, draft: String, index: Int) {
    (self.prefix, self.draft, self.index) = (prefix, draft, index)
    shown = draft
  }

  /// Goes to the next entry that is not what is shown already; `nil` when there is none.
  mutating func step(_ direction: Direction, in entries: [String]) -> String? {
    func matches(_ index: Int) -> Bool {
      entries[index].hasPrefix(prefix) && entries[index] != shown
    }
    switch direction {
    case .earlier:
      guard let found = entries[..<index].indices.last(where: matches) else { return nil }
      (index, shown) = (found, entries[found])
    case .later:
      guard index < entries.count else { return nil }
      let found = entries.indices[(index + 1)...].first(where: matches) ?? entries.count
      (index, shown) = (found, found < entries.count ? entries[found] : draft)
    }
    return shown
  }
}

extension LineEditor {
  /// Alt-P and Alt-N: the history by prefix.
  func showMatch(_ direction: PrefixSearch.Direction) -> EditResult {
    let line = text
    var search =
      search.flatMap { $0.shown == line ? $0 : nil }
      ?? PrefixSearch(prefix: String(beforeCursor()), draft: line, index: memory.count)
    guard let found = search.step(direction, in: memory) else { return .refused }
    self.search = search
    clearLine()
    insert(found)
    return .redrawLine
  }

  /// Takes the whole text out of the line.
  func clearLine() {
    editline_move_cursor(editor, Int32(clamping: afterCursor().count))
    el_deletestr(editor, Int32(clamping: scalars.count))
  }
}
