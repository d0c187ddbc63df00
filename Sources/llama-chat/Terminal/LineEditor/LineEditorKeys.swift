import CEditLine
import Chat
import Foundation

/// What an editing function tells libedit to do next.
enum EditResult {
  case done, redrawLine, redrawAll, endOfInput, refused

  /// libedit's code.
  var code: UInt8 {
    switch self {
    case .done: UInt8(CC_NORM)
    case .redrawLine: UInt8(CC_REFRESH)
    case .redrawAll: UInt8(CC_REDISPLAY)
    case .endOfInput: UInt8(CC_EOF)
    case .refused: UInt8(CC_ERROR)
    }
  }
}

extension LineEditor {
  /// libedit asks for the next character: 1 with a code, 0 at the end of input, -1 to give up the line.
  func next(_ code: UnsafeMutablePointer<wchar_t>) -> Int32 {
    while queue.isEmpty {
      if ending == .interrupted { return -1 }
      followStatus()
      guard queue.isEmpty else { break }
      switch input.next() {
      case .end:
        ending = .endOfInput
        return 0
      case .signals(let pending): take(pending)
      case .key(.character("\r")) where !isCommand && input.enterIsPasted: press(.newline)
      case .key(.character(let scalar)): take(scalar)
      case .key(.meta(let scalar)):
        // All other Alt keys are libedit's own.
        queue += EditKey(alt: scalar).map { [$0.rawValue] } ?? [0x1B, scalar.value]
      case .key(.named(let key)): queue.append(EditKey(key).rawValue)
      case .key(.paste(let text)): insert(text)
      }
    }
    let next = queue.removeFirst()
    // Searching, libedit has the line for itself, and any other key would end that.
    if next == EditKey.searchHistory.rawValue { showsStatus = false }
    code.pointee = wchar_t(bitPattern: next)
    return 1
  }

  /// Whether the line is a command: those are carried out one by one, pasted or not.
  private var isCommand: Bool {
    if case .command = TypedLine(text) { true } else { false }
  }

  /// Puts `text` into the line as if typed, its line ends and tabs as characters.
  func insert(_ text: String) {
    insertions.append(text.precomposedStringWithCanonicalMapping)
    press(.insert)
  }

  func press(_ keys: EditKey...) { queue += keys.map(\.rawValue) }

  private func take(_ pending: Signals.Pending) {
    if pending.contains(.interrupted) { press(.interrupt) }
    if pending.contains(.suspended) { press(.suspendAlone) }
    if pending.contains(.continued) { press(.resume) }
    if pending.contains(.resized) { press(.resize) }
  }

  /// A combining mark that forms one code point with the character before it replaces both.
  private func take(_ scalar: Unicode.Scalar) {
    if scalar.properties.canonicalCombiningClass != .notReordered,
      let previous = beforeCursor(limit: 1).last
    {
      let pair = (String(previous) + String(scalar)).precomposedStringWithCanonicalMapping
      if pair.unicodeScalars.count == 1, let one = pair.unicodeScalars.first {
        composed = one
        return press(.compose)
      }
    }
    if scalar == " ", isAtRowEnd { return insert(" ") }
    queue.append(scalar.value)
  }

  // MARK: - Keys to actions

  /// Does what a key of ``EditKey`` means.
  func perform(_ key: EditKey) -> EditResult {
    switch key {
    case .enter: return enter()
    case .newline: return type("\n")
    case .insert: return insertions.isEmpty ? .refused : type(insertions.removeFirst())
    case .compose: return typeComposed()
    case .complete: return complete()
    case .interrupt: return interrupt()
    case .deleteOrEnd: return isEmpty ? end() : deleteForward()
    case .externalEditor: return editExternally()
    case .suspend: return suspend(Signals.stopProcessGroup)
    case .suspendAlone: return suspend(Signals.stopProcess)
    case .resume: return resume()
    case .resize: return resize()
    case .previousMatch: return showMatch(.earlier)
    case .nextMatch: return showMatch(.later)
    case .restore: return removed.isEmpty ? .refused : type(removed.removeLast())
    default: return edit(key)
    }
  }

  /// The keys that move, delete and kill.
  private func edit(_ key: EditKey) -> EditResult {
    switch key {
    case .left: return move(by: -lengthOfCharacterBefore)
    case .right: return move(by: lengthOfCharacterAfter)
    case .lineStart: return move(by: -columnInLine)
    case .lineEnd: return move(by: charactersToLineEnd)
    case .blankWordStart: return move(by: -lengthOfBlankWordBefore)
    case .backspace, .controlBackspace: return deleteBackward()
    case .delete: return deleteForward()
    case .up: press(beforeCursor().contains("\n") ? .previousLine : .previousEntry)
    case .down: press(afterCursor().contains("\n") ? .nextLine : .nextEntry)
    case .killWord: kill(.blankWordStart)
    case .killWordForward: kill(.wordRight)
    case .killToLineStart: kill(.lineStart)
    case .killToLineEnd: kill(charactersToLineEnd == 0 ? .right : .lineEnd)
    case .noteKill: noteKill()
    default: return .refused
    }
    return .done
  }

  /// Removes what a key moves over; Ctrl-Y brings it back, and so does Ctrl-_.
  private func kill(_ movement: EditKey) {
    killStart = beforeCursor().count
    press(.setMark, movement, .noteKill, .killToMark)
  }

  private func noteKill() {
    let cursor = beforeCursor().count
    let killed = scalars.dropFirst(min(killStart, cursor)).prefix(abs(cursor - killStart))
    noteRemoved(String(killed))
  }

  /// Keeps a text for Ctrl-_.
  private func noteRemoved(_ text: String) {
    guard !text.isEmpty else { return }
    removed.append(text)
    if removed.count > Self.mostRemoved { removed.removeFirst() }
  }

  private static let mostRemoved = 100

  // MARK: - Ending the line

  /// Enter sends the message, or goes on when it is open: `"""` not closed, or a final `\\`.
  private func enter() -> EditResult {
    guard Self.message(of: text) == nil else {
      press(.submit)
      return .done
    }
    _ = move(by: afterCursor().count)
    if !text.hasPrefix(Self.fence) { el_deletestr(editor, 1) }
    return type("\n")
  }

  private static let fence = "\"\"\""

  /// The message that a text in the editor stands for; `nil` when it is open.
  ///
  /// What was pasted goes out as it is: only the whole text's start and end can quote or continue.
  static func message(of text: String) -> String? {
    var assembler = MessageAssembler()
    guard text.hasPrefix(fence) else { return assembler.append(text) }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = lines.popFirst() {
      guard let message = assembler.append(String(line)) else { continue }
      return lines.isEmpty ? message : text
    }
    return nil
  }

  /// Ctrl-C gives up the line, which stays reachable by ↑ and Ctrl-_.
  private func interrupt() -> EditResult {
    if !isEmpty {
      remember(text)
      noteRemoved(text)
    }
    ending = .interrupted
    return move(by: afterCursor().count)
  }

  private func end() -> EditResult {
    ending = .endOfInput
    return .endOfInput
  }

  // MARK: - Changing the text

  private func type(_ text: String) -> EditResult {
    text.isEmpty || el_winsertstr(editor, text.wide) == 0 ? redraw : .refused
  }

  private func typeComposed() -> EditResult {
    guard let composed else { return .refused }
    el_deletestr(editor, 1)
    return type(String(composed))
  }

  private func move(by count: Int) -> EditResult {
    editline_move_cursor(editor, Int32(clamping: count))
    return redraw
  }

  private func deleteBackward() -> EditResult {
    let count = lengthOfCharacterBefore
    guard count > 0 else { return .refused }
    el_deletestr(editor, Int32(clamping: count))
    return redraw
  }

  private func deleteForward() -> EditResult {
    let count = lengthOfCharacterAfter
    guard count > 0 else { return .refused }
    editline_move_cursor(editor, Int32(clamping: count))
    el_deletestr(editor, Int32(clamping: count))
    return redraw
  }

  /// Text with marks that take no room confuses libedit's idea of the screen: all is drawn again.
  private var redraw: EditResult {
    scalars.contains { $0.value >= 0x300 && editline_columns($0.wide) == 0 }
      ? .redrawAll : .redrawLine
  }
}
