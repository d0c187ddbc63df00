import ArgumentParser
import Chat
import Foundation

/// When to use colours.
enum ColorPolicy: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// How to write to one stream: whether it is a terminal, and whether it may be styled.
struct TerminalStyle {
  /// Whether the stream is a terminal.
  var isTerminal: Bool
  /// Whether to send colours and dim text.
  var colors: Bool
  /// Whether lines may be painted again and cursor movements sent.
  var repaints: Bool

  /// The style of a stream under the options and the environment's `NO_COLOR`, `TERM` and `COLORTERM`.
  ///
  /// A terminal that the system has no description of is taken for a simple one, unless it says by `COLORTERM` that it
  /// is not.
  init(
    stream: Int32, policy: ColorPolicy, plain: Bool,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    isTerminal = isatty(stream) == 1
    let name = environment["TERM"] ?? ""
    let isColorful = environment["COLORTERM"]?.isEmpty == false
    let isDumb = ["", "dumb"].contains(name)
    let description = isTerminal ? TerminalDescription(of: name) : nil
    let refused =
      !(environment["NO_COLOR"] ?? "").isEmpty || isDumb
      || !isColorful && (description?.colors ?? 0) < 8
    repaints = isTerminal && !plain && !isDumb && (isColorful || description != nil)
    colors =
      switch policy {
      case .always: !plain
      case .never: false
      case .auto: isTerminal && !plain && !refused
      }
  }

  /// `text` dimmed, where colours are allowed.
  func dim(_ text: String) -> String { colors ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

  /// `text` in red, where colours are allowed.
  func red(_ text: String) -> String { colors ? "\u{1B}[31m\(text)\u{1B}[0m" : text }

  /// `text` as what it is in Markdown, where colours are allowed: code in cyan, headings and list markers in
  /// blue.
  func styled(_ text: String, as style: TextStyle) -> String {
    let codes: [(TextStyle, String)] = [
      (.strong, "1"), (.emphasis, "3"), (.code, "36"), (.codeBlock, "36"), (.fence, "2"),
      (.heading, "1;34"), (.marker, "34"),
    ]
    let sequence = codes.filter { style.contains($0.0) }.map(\.1).joined(separator: ";")
    return colors && !sequence.isEmpty ? "\u{1B}[\(sequence)m\(text)\u{1B}[0m" : text
  }

  /// The line editor's prompt, in libedit's notation: U+0001 around what takes no room.
  ///
  /// On macOS libedit sends such parts too early, so the prompt stays plain there.
  var prompt: String {
    stylesPrompts ? "\u{1}\u{1B}[1;32m\u{1}>\u{1}\u{1B}[0m\u{1} " : "> "
  }

  /// The right-hand prompt saying `status`, in yellow when it warns; nothing where lines are not painted again.
  func rightPrompt(_ status: PromptStatus) -> String {
    guard repaints, !status.text.isEmpty else { return "" }
    let text = visible(status.text, singleLine: true)
    let code = status.warns ? "33" : "2"
    return stylesPrompts ? "\u{1}\u{1B}[\(code)m\u{1}\(text)\u{1}\u{1B}[0m\u{1} " : text
  }

  private var stylesPrompts: Bool {
    #if os(macOS)
      false
    #else
      colors
    #endif
  }

  /// Takes away the cursor's row and all below it, with the cursor at the row's start.
  ///
  /// Rows that are only cleared keep their length in tmux, which shows when it breaks them anew; and a whole screen that
  /// is cleared goes into its history.
  static let erasure = "\r\u{1B}[999M"

  /// Columns of the terminal on `stream`, 80 when it does not say.
  static func columns(of stream: Int32) -> Int { size(of: stream)?.columns ?? 80 }

  /// Rows of the terminal on `stream`, 24 when it does not say.
  static func rows(of stream: Int32) -> Int { size(of: stream)?.rows ?? 24 }

  private static func size(of stream: Int32) -> (columns: Int, rows: Int)? {
    var size = winsize()
    guard ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return nil
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}
