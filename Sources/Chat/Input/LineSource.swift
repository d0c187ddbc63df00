/// What came from the user.
public enum LineEvent: Sendable, Hashable {
  /// A message or a command; may contain newlines, never ends with one.
  case line(String)
  /// Ctrl-C at the prompt.
  case interrupted
  /// Ctrl-D on an empty line, or the end of a pipe.
  case endOfInput
}

/// What stands beside the line that is typed.
public struct PromptStatus: Hashable, Sendable {
  /// A short text: `ctx 36% · T0.70 p0.90 · 8t`.
  public var text: String
  /// Whether it is to be noticed: the context is nearly full.
  public var warns = false

  /// A status that says `text`.
  public init(_ text: String, warns: Bool = false) {
    self.text = text
    self.warns = warns
  }
}

/// Where lines come from: the line editor, a pipe, a script, a test.
public protocol LineSource: AnyObject {
  /// Reads one message. `prefill` is text to start with in the editor (ignored without one);
  /// `status` is for the right-hand prompt (ignored without one).
  func read(prefill: String?, status: PromptStatus?) throws -> LineEvent

  /// Where the last line came from (`chat.txt:3`), when it was not typed.
  var place: String? { get }
}

extension LineSource {
  /// A typed line has no place.
  public var place: String? { nil }
}

/// Where the REPL's words go.
///
/// The reply is the only thing that belongs on standard output.
public protocol ReplOutput: AnyObject {
  /// A piece of the model's reply, as it comes: whole code points, not yet filtered for the terminal.
  func reply(_ text: String)
  /// Such a piece, and what it is in Markdown.
  func reply(_ piece: StyledText)
  /// Whether replies are shown in styles, which they are on a terminal with colours alone.
  var stylesReplies: Bool { get }
  /// Whether pictures made of characters would tell nothing: to a screen reader, or in a pipe.
  var isPlain: Bool { get }
  /// The reply is over: ends its line.
  func endReply()
  /// The reply has become a turn: what it took.
  func finished(_ turn: TurnStatistics)
  /// A confirmation, a listing, an explanation. One or more lines without a final newline.
  func notice(_ text: String)
  /// Statistics of a reply, dim.
  func statistics(_ text: String)
  /// What ended a reply before the model did, and how it can go on.
  func ending(_ text: String)
  /// What went wrong; the chat goes on.
  func problem(_ text: String)
  /// A line that replaces itself while something long runs; `nil` erases it.
  func progress(_ text: String?)
  /// What a knob was turned to: shown for a moment beside the reply, where that can be done without a trace.
  func hint(_ text: String)
}

extension ReplOutput {
  /// Nothing: the statistics say what was turned.
  public func hint(_ text: String) {}
}

extension ReplOutput {
  /// Without styles, the text.
  public func reply(_ piece: StyledText) { reply(piece.text) }
  /// Nothing: people are told in words.
  public func finished(_ turn: TurnStatistics) {}
  /// A notice with a mark.
  public func ending(_ text: String) { notice("■ " + text) }
  /// As most outputs do.
  public var stylesReplies: Bool { false }
  /// As most outputs do.
  public var isPlain: Bool { true }
}
