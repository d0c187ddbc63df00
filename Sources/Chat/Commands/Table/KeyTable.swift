/// What a key does, for people.
public struct KeyDescription: Sendable {
  /// When a key does something.
  public enum Moment: String, CaseIterable, Sendable {
    case typing = "While you type"
    case busy = "While the model reads or talks"
  }

  /// The keys, as they are written on them: `Alt-Enter, Ctrl-J`.
  public let keys: String
  /// What they do.
  public let summary: String
  /// When.
  public let moment: Moment

  init(_ keys: String, _ summary: String, _ moment: Moment = .typing) {
    self.keys = keys
    self.summary = summary
    self.moment = moment
  }
}

/// Every key there is to know about: help and the README's table come from this one.
public enum KeyTable {
  /// The keys, in the order help lists them.
  public static let all: [KeyDescription] = [
    KeyDescription("Enter", "sends the message"),
    KeyDescription("Alt-Enter, Ctrl-J", "a new line; so does \\ at the end of a line"),
    KeyDescription("\"\"\"", "opens a block of lines; the same closes it"),
    KeyDescription("Tab", "completes commands, settings, names, paths"),
    KeyDescription("↑ ↓", "through the lines of the message, then the history"),
    KeyDescription("Alt-P, Alt-N", "through the entries of the history that begin like the line"),
    KeyDescription("Ctrl-R", "searches the history"),
    KeyDescription("Ctrl-G, Ctrl-X Ctrl-E", "the message in $EDITOR"),
    KeyDescription("Ctrl-A, Ctrl-E, Home, End", "to the start or the end of the line"),
    KeyDescription("Ctrl-←, Ctrl-→, Alt-B, Alt-F", "word by word"),
    KeyDescription(
      "Ctrl-U, Ctrl-K, Ctrl-W", "cut to the start, to the end, a word; Ctrl-Y pastes it"),
    KeyDescription("Ctrl-_", "brings back what a cut or Ctrl-C took"),
    KeyDescription("Ctrl-C", "gives up the line (↑ brings it back); never leaves"),
    KeyDescription("Ctrl-D", "leaves, when the line is empty"),
    KeyDescription("Ctrl-Z", "suspends; fg goes on"),
    KeyDescription("↑ ↓", "one thread more, one less, from the next token on", .busy),
    KeyDescription("→ ←", "temperature a tenth warmer, a tenth colder", .busy),
    KeyDescription("Esc, Ctrl-C", "stops; a reply stays, a question comes back", .busy),
    KeyDescription("any text", "is kept for the next prompt; not sent after a stop", .busy),
  ]

  /// The table for `:help keys`.
  public static var text: String {
    let width = all.map(\.keys.count).max() ?? 0
    return KeyDescription.Moment.allCases.flatMap { moment in
      [moment.rawValue]
        + all.filter { $0.moment == moment }.map {
          "  \(padded($0.keys, to: width))  \($0.summary)"
        }
    }.joined(separator: "\n")
  }
}
