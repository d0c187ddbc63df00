import CEditLine
import Chat
import Foundation
import Inference

/// Messages from a person at a terminal: libedit with multi-line editing, paste, history, completion.
///
/// Between two calls of ``read(prefill:status:)`` the terminal is in the busy modes of
/// ``TerminalModes``. One editor at a time, on the main thread.
final class LineEditor: LineSource {
  /// What the text before the cursor could become: each the whole text with its last word completed.
  typealias Completer = (String) -> [String]

  /// libedit's editor; made by ``init(output:style:history:completions:)``, ended by ``close()``.
  let editor: OpaquePointer
  /// Where the editor paints.
  let output: Int32
  let completions: Completer
  let input = EditorInput(stream: STDIN_FILENO)

  private let outputFile: UnsafeMutablePointer<FILE>
  private let entries: OpaquePointer
  private let history: HistoryFile?
  let style: TerminalStyle
  private let prompt: PromptText
  private(set) var status = PromptText("")
  /// Whether the right-hand prompt was shown when the line was last painted whole.
  var showsStatus = false
  private var isOpen = true

  /// The terminal's width when the line was last painted whole.
  var columns = 80
  /// Codes to hand to libedit before the next key; see ``EditKey``.
  var queue: [UInt32] = []
  /// Texts for the ``EditKey/insert`` codes in the queue.
  var insertions: [String] = []
  /// What a combining mark and the character before it became.
  var composed: Unicode.Scalar?
  /// How the line ends when it does not end with Enter.
  var ending: LineEvent?
  /// What kills and Ctrl-C removed, the latest last.
  var removed: [String] = []
  /// Where the cursor was when a kill began.
  var killStart = 0
  /// What ↑ reaches, oldest first.
  private(set) var memory: [String] = []
  /// The walk through entries that begin alike.
  var search: PrefixSearch?

  /// Prepares editing on standard input; colours and painting follow `style`.
  ///
  /// - Parameters:
  ///   - output: A terminal: standard output, or standard error when only that is one.
  ///   - history: Where entries are kept; `nil` keeps them in memory.
  ///   - keyBindings: A file in the language of `~/.editrc`, obeyed after it; it need not be there.
  /// - Throws: ``SystemFailure`` when libedit cannot be used on this terminal.
  init(
    output: Int32, style: TerminalStyle, history: HistoryFile?, keyBindings: String? = nil,
    completions: @escaping Completer
  ) throws {
    TerminalModes.save()
    self.output = output
    outputFile = output == STDERR_FILENO ? editline_stderr() : editline_stdout()
    // libedit reports unknown terminals on the third stream; that is of no use to a chat.
    guard let silence = fopen("/dev/null", "w"),
      let editor = el_init("llama-chat", editline_stdin(), outputFile, silence),
      let entries = history_init()
    else { throw SystemFailure(call: "cannot edit lines on this terminal", code: errno) }
    self.editor = editor
    self.entries = entries
    self.history = history
    self.style = style
    self.completions = completions
    prompt = PromptText(style.prompt)
    configure(keyBindings)
    for entry in history?.load() ?? [] { remember(entry) }
  }

  func read(prefill: String?, status: PromptStatus?) throws -> LineEvent {
    guard isOpen else { return .endOfInput }
    // Only a line sent has given the model its turn.
    if ending == nil { input.takeTypeAhead(sending: !interruptFlag.isRaised) }
    interruptFlag.clear()
    Signals.enter(.typing)
    self.status = PromptText(style.rightPrompt(status ?? PromptStatus("")))
    queue = []
    insertions = []
    ending = nil
    measure()
    if let prefill, !prefill.isEmpty { offer(prefill) }
    // libedit itself would switch only after showing the prompt, and damage what is typed meanwhile.
    editline_edit_modes(editor, 1)
    if style.repaints { TerminalModes.enablePasteMarks(on: output) }
    let text = readLine()
    Signals.enter(.busy)
    TerminalModes.enterBusy()
    return finish(text)
  }

  /// Gives the terminal back.
  func close() {
    guard isOpen else { return }
    isOpen = false
    el_end(editor)
    history_end(entries)
    Signals.enter(.starting)
    TerminalModes.restore()
  }

  deinit { close() }

  // MARK: - One line

  private func readLine() -> String {
    var count: Int32 = 0
    guard let line = el_wgets(editor, &count), count > 0, ending == nil else { return "" }
    let text = String(wide: UnsafeBufferPointer(start: line, count: Int(count)))
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  private func finish(_ text: String) -> LineEvent {
    switch ending {
    case .interrupted:
      show("^C\n")
      return .interrupted
    case .endOfInput, .line:
      show("\n")
      return .endOfInput
    case nil:
      if !text.allSatisfy(\.isWhitespace), !text.hasPrefix(" ") {
        remember(text)
        history?.append(text)
      }
      return .line(Self.message(of: text) ?? text)
    }
  }

  /// Makes `text` reachable by ↑ in this session.
  func remember(_ text: String) {
    memory.append(text)
    // On recall libedit takes off a final newline and one space before it.
    editline_history_enter(entries, text + (text.hasSuffix(" ") ? " \n" : "\n"))
  }

  /// Writes to the terminal past libedit.
  func show(_ text: String) {
    fflush(outputFile)
    writeAll(text, to: output)
  }

  // MARK: - libedit's settings

  private func configure(_ keyBindings: String?) {
    editline_set_client(editor, Unmanaged.passUnretained(self).toOpaque())
    editline_set_string(editor, EL_EDITOR, "emacs")
    editline_set_flag(editor, EL_SIGNAL, 0)
    editline_history_set_size(entries, Int32(HistoryFile.capacity))
    editline_set_history(editor, entries)
    editline_set_modes(editor)
    editline_set_prompt(editor, EL_PROMPT, { LineEditor.of($0)?.prompt.bytes }, 1)
    editline_set_prompt(editor, EL_RPROMPT, { LineEditor.of($0)?.status.bytes }, 1)
    editline_set_getc(editor) { editor, code in
      guard let self = LineEditor.of(editor), let code else { return -1 }
      return self.next(code)
    }
    editline_add_function(editor, "llama-chat-key", "A key of llama-chat") { editor, code in
      guard let self = LineEditor.of(editor), let key = EditKey(rawValue: UInt32(bitPattern: code))
      else { return UInt8(CC_ERROR) }
      return self.perform(key).code
    }
    editline_add_function(editor, "llama-chat-editor", "Edit in $EDITOR") { editor, _ in
      LineEditor.of(editor)?.perform(.externalEditor).code ?? UInt8(CC_ERROR)
    }
    bind()
    // The user's files may choose other keys, but Enter, Ctrl-C and the like must work after `bind -v`.
    if el_source(editor, nil) == 0 { bind() }
    if let keyBindings, el_source(editor, keyBindings) == 0 { bind() }
  }

  private func bind() {
    for key in EditKey.allCases {
      editline_bind(editor, key.notation, key.builtin ?? "llama-chat-key")
    }
    editline_bind(editor, "^X^E", "llama-chat-editor")
  }

  /// The editor that libedit calls back about.
  private static func of(_ editor: OpaquePointer?) -> LineEditor? {
    guard let client = editline_client(editor) else { return nil }
    return Unmanaged<LineEditor>.fromOpaque(client).takeUnretainedValue()
  }
}

/// A prompt in memory that libedit may keep pointing at.
final class PromptText {
  let bytes: UnsafeMutablePointer<CChar>
  /// Columns it takes, without what is between U+0001.
  let columns: Int

  init(_ text: String) {
    let parts = text.split(separator: "\u{1}", omittingEmptySubsequences: false)
    columns = parts.enumerated().reduce(0) { $0 + ($1.offset % 2 == 0 ? $1.element.count : 0) }
    let utf8 = text.utf8CString
    bytes = .allocate(capacity: utf8.count)
    for (index, byte) in utf8.enumerated() { (bytes + index).initialize(to: byte) }
  }

  deinit { bytes.deallocate() }
}
