import CEditLine
import Foundation

/// What reaches the screen past libedit: resizing, suspending, lists of completions.
extension LineEditor {
  /// The painted line, on a terminal `columns` wide.
  private var painting: LinePainting {
    LinePainting(scalars, cursor: beforeCursor().count, columns: columns)
  }

  /// Tells libedit the terminal's size.
  func measure() {
    columns = TerminalStyle.columns(of: output)
    el_resize(editor)
    showsStatus = leavesRoomForStatus
  }

  /// Whether libedit shows the right-hand prompt beside the line.
  private var leavesRoomForStatus: Bool {
    status.columns > 0 && length < columns && painting.isOneRow(leaving: status.columns + 2)
  }

  /// Has the line painted anew when the right-hand prompt has gone from beside it: libedit only clears that, and the
  /// row keeps its length.
  func followStatus() {
    let isShown = leavesRoomForStatus
    if showsStatus, !isShown { press(.resize) }
    showsStatus = isShown
  }

  /// Whether a blank typed now would be in the last column.
  ///
  /// libedit sends it then, and the terminal joins the two rows when it gets wider; painted with the line it is not sent.
  var isAtRowEnd: Bool {
    length < 4096 && afterCursor(limit: 1).isEmpty && painting.end == columns - 1
  }

  /// Starts the line with a text given back, unless showing it would push the reason off the screen.
  func offer(_ text: String) {
    let painting = LinePainting(text.unicodeScalars, cursor: 0, columns: columns)
    guard painting.rowsBelowCursor + 3 > TerminalStyle.rows(of: output) else {
      return insert(text)
    }
    remember(text)
    show(style.dim("the text is too tall to show here; ↑ brings it back") + "\n")
  }

  /// The terminal has a new size, or a row that is longer than it looks: what it made of the old painting is erased
  /// before painting again.
  func resize() -> EditResult {
    let row = painting.cursorRow(afterReflowTo: TerminalStyle.columns(of: output))
    show((row > 0 ? "\u{1B}[\(row)A" : "") + TerminalStyle.erasure)
    measure()
    editline_refresh(editor)
    return .done
  }

  /// Leaves the line on the screen, for what is printed next.
  private func moveBelow() {
    let rows = painting.rowsBelowCursor
    show((rows > 0 ? "\u{1B}[\(rows)B" : "") + "\r\n")
  }

  // MARK: - Giving the terminal away

  /// Stops by `stop` with the terminal as the shell wants it; goes on where the line was.
  func suspend(_ stop: () -> Void) -> EditResult {
    moveBelow()
    giveTerminalAway(during: stop)
    return .done
  }

  /// The process was stopped without a word and goes on: the shell has changed the terminal's modes.
  func resume() -> EditResult {
    giveTerminalAway {}
    return .done
  }

  private func giveTerminalAway(during action: () -> Void) {
    editline_edit_modes(editor, 0)
    TerminalModes.restore()
    Signals.enter(.away)
    action()
    Signals.enter(.typing)
    _ = Signals.takePending()
    editline_edit_modes(editor, 1)
    if style.repaints { TerminalModes.enablePasteMarks(on: output) }
    measure()
    editline_refresh(editor)
  }

  /// The text goes through `$VISUAL` or `$EDITOR`; unchanged when that fails.
  func editExternally() -> EditResult {
    let before = text
    var result: Result<String, any Error> = .success(before)
    moveBelow()
    giveTerminalAway { result = Result { try ExternalEditor.edit(before, terminal: output) } }
    switch result {
    case .success(let edited):
      clearLine()
      insert(edited)
      return .redrawLine
    case .failure(let error):
      show("\r\u{1B}[J" + visible(String(describing: error), singleLine: true) + "\n")
      editline_refresh(editor)
      return .done
    }
  }

  // MARK: - Completion

  /// Completes the text before the cursor as far as the candidates agree, or lists them.
  func complete() -> EditResult {
    let before = String(beforeCursor())
    let candidates = completions(before).filter { $0.hasPrefix(before) }
    guard var common = candidates.first else { return .refused }
    for candidate in candidates { common = common.commonPrefix(with: candidate) }
    let rest = String(common.dropFirst(before.count))
    if candidates.count == 1 {
      insert(rest + (common.hasSuffix("/") ? "" : " "))
    } else if !rest.isEmpty {
      insert(rest)
    } else {
      let shared = before.lastIndex(of: " ").map {
        before.distance(from: before.startIndex, to: $0) + 1
      }
      list(candidates.map { String($0.dropFirst(shared ?? 0)) })
    }
    return .done
  }

  private func list(_ candidates: [String]) {
    moveBelow()
    let width = (candidates.map(\.count).max() ?? 0) + 2
    let perRow = max(1, TerminalStyle.columns(of: output) / width)
    var text = ""
    for start in stride(from: 0, to: candidates.count, by: perRow) {
      let row = candidates[start..<min(start + perRow, candidates.count)]
      let cells = row.map { visible($0, singleLine: true) }
      text += cells.dropLast().map { $0.padding(toLength: width, withPad: " ", startingAt: 0) }
        .joined()
      text += (cells.last ?? "") + "\r\n"
    }
    show(text)
    editline_refresh(editor)
  }
}
