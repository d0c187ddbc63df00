import Chat
import Foundation
import Inference

/// Where a conversation of the program goes.
protocol ProgramOutput: ReplOutput {
  /// Makes sure that standard output took every reply.
  ///
  /// - Throws: ``SystemFailure``.
  func checkDelivery() throws
}

/// The conversation's output: the reply on standard output, everything else on standard error.
///
/// On a terminal, whatever the model says is shown, never obeyed; a pipe gets the reply's bytes as they
/// are. Without a terminal nothing is styled, and progress is not shown.
final class TerminalOutput: ProgramOutput {
  private let reply: TerminalStyle
  private let notes: TerminalStyle
  private let plain: Bool
  /// Whether the last thing on the terminal is an unfinished line of the reply.
  private var isMidReply = false
  /// What the progress line says; `nil` when there is none.
  private var progressLine: String?
  private var hint = ReplyHint()
  private var heartbeat: ContinuousClock.Instant?
  private var stream = ReplyStream()

  /// How often a plain terminal hears that a long task goes on.
  private static let heartbeatInterval = Duration.seconds(30)

  /// Output under the options `--color` and `--plain`.
  init(policy: ColorPolicy, plain: Bool) {
    reply = TerminalStyle(stream: STDOUT_FILENO, policy: policy, plain: plain)
    notes = TerminalStyle(stream: STDERR_FILENO, policy: policy, plain: plain)
    self.plain = plain
  }

  func reply(_ text: String) {
    guard !text.isEmpty else { return }
    progress(nil)
    isMidReply = !text.hasSuffix("\n")
    say(reply.isTerminal ? visible(text) : text)
  }

  /// Each piece ends the style it began, so that nothing that happens in between is shown in it.
  func reply(_ piece: StyledText) {
    guard !piece.style.isEmpty, stylesReplies else { return reply(piece.text) }
    guard !piece.text.isEmpty else { return }
    progress(nil)
    isMidReply = !piece.text.hasSuffix("\n")
    say(reply.styled(visible(piece.text), as: piece.style))
  }

  var stylesReplies: Bool { reply.isTerminal && reply.colors }

  var isPlain: Bool { !notes.repaints }

  func endReply() {
    progress(nil)
    if isMidReply { say("\n") }
    isMidReply = false
    hint.end()
  }

  /// A part of the reply.
  private func say(_ text: String) {
    guard showsHints else { return stream.write(text) }
    let columns = TerminalStyle.columns(of: STDOUT_FILENO)
    hint.advance(over: text, columns: columns)
    TerminalModes.notePassingText(on: hint.isShown ? STDOUT_FILENO : nil)
    stream.write(hint.erasure() + text + hint.painting(columns: columns, style: reply.dim))
  }

  func checkDelivery() throws { try stream.checkDelivery() }

  func notice(_ text: String) { note(visible(text)) }

  /// Whole parts a row, where they are too many for one.
  func statistics(_ text: String) {
    guard notes.repaints else { return note(notes.dim(visible(spoken(text)))) }
    let columns = TerminalStyle.columns(of: STDERR_FILENO)
    let rows = visible(text).rows(ofParts: " · ", columns: columns)
    note(rows.map(notes.dim).joined(separator: "\n"))
  }

  func ending(_ text: String) { notice(plain ? spoken(text) : "■ " + text) }

  /// Without the dots between parts, which a screen reader would read.
  private func spoken(_ text: String) -> String {
    plain ? text.replacingOccurrences(of: " · ", with: ", ") : text
  }

  func problem(_ text: String) { note(notes.red(visible(text))) }

  /// The line leaves the cursor at its start: wherever a terminal of another size breaks it, that is where it begins.
  ///
  /// Terminals may tell of their new size later than they have it, so nothing may depend on it: a line too long
  /// for the row is cut there.
  func progress(_ text: String?) {
    guard notes.isTerminal else { return }
    guard notes.repaints else { return beat(text) }
    let erasure = progressLine == nil ? "" : TerminalStyle.erasure
    progressLine = text
    guard let text else {
      put(erasure, on: STDERR_FILENO)
      return TerminalModes.notePassingText(on: nil)
    }
    TerminalModes.notePassingText(on: STDERR_FILENO)
    let width = TerminalStyle.columns(of: STDERR_FILENO) - 1
    let line = (visible(text, singleLine: true) + hint.note).fitted(to: width)
    put(erasure + "\u{1B}[?7l" + notes.dim(line) + "\u{1B}[?7h\r", on: STDERR_FILENO)
  }

  /// A terminal that only one of the streams goes to has no place beside the reply.
  private var showsHints: Bool { reply.repaints && notes.repaints }

  func hint(_ text: String) {
    guard showsHints else { return }
    hint.set(visible(text, singleLine: true))
    if let progressLine { return progress(progressLine) }
    let columns = TerminalStyle.columns(of: STDOUT_FILENO)
    put(
      hint.erasure() + hint.painting(columns: columns, style: reply.dim), on: STDOUT_FILENO)
    TerminalModes.notePassingText(on: hint.isShown ? STDOUT_FILENO : nil)
  }

  /// Progress for a terminal whose lines are not painted again: one line now and then.
  private func beat(_ text: String?) {
    guard let text else {
      heartbeat = nil
      return
    }
    let now = ContinuousClock.now
    if let heartbeat, now - heartbeat < Self.heartbeatInterval { return }
    heartbeat = now
    put(visible(spoken(text), singleLine: true) + "\n", on: STDERR_FILENO)
  }

  /// A line of its own on standard error.
  private func note(_ text: String) {
    progress(nil)
    if showsHints {
      put(hint.erasure(), on: STDOUT_FILENO)
      TerminalModes.notePassingText(on: nil)
    }
    // Both streams on one terminal: the note must not land at the end of the reply's line.
    if isMidReply, reply.isTerminal, notes.isTerminal { put("\n", on: STDERR_FILENO) }
    put(text + "\n", on: STDERR_FILENO)
  }

  private func put(_ text: String, on stream: Int32) { writeAll(text, to: stream) }
}
