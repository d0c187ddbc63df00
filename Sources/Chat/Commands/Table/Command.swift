import ModelFile

/// One entry of the command table.
public struct Command: Sendable {
  /// A heading of `:help`.
  public enum Group: String, CaseIterable, Sendable {
    case sampling = "Sampling, at once on the running model"
    case conversation = "Conversation"
    case editing = "Turns; the cache keeps all up to the first change"
    case sessions = "Saved chats"
    case looking = "Looking inside"
    case general = "General"

    /// Whether `:help` names its commands on one line, because their names say what they do.
    var isCompact: Bool { self == .sessions || self == .general }
  }

  /// What an argument is, for completion.
  public enum Argument: Hashable, Sendable {
    /// There is none.
    case none
    /// Free text or a number.
    case text
    /// One of some words, or a number.
    case words([String])
    /// A command's name.
    case command
    /// A setting's name, then its value.
    case setting
    /// A prompt's name.
    case promptName
    /// A saved chat's name.
    case sessionName
    /// A file's path.
    case file
    /// Paths of files, quoted where they hold spaces.
    case files
    /// Text, or a file's path after `@`.
    case textOrFile
  }

  /// The name without its colon.
  public let name: String
  /// Short forms, without colons.
  public let aliases: [String]
  /// The argument as help shows it: `[V]`.
  public let usage: String
  /// What it does, in a few words.
  public let summary: String
  /// A line one could type.
  public let example: String
  /// The heading it is listed under.
  public let group: Group
  /// What its argument is.
  public let argument: Argument
  /// Does it; throws with nothing changed.
  let run: @Sendable (Repl, String) throws -> Void

  init(
    _ name: String, _ aliases: [String] = [], usage: String = "", summary: String, example: String,
    group: Group, argument: Argument = .none, run: @escaping @Sendable (Repl, String) throws -> Void
  ) {
    self.name = name
    self.aliases = aliases
    self.usage = usage
    self.summary = summary
    self.example = example
    self.group = group
    self.argument = argument
    self.run = run
  }

  /// The first words of the summary, for a list.
  public var brief: String { summary.prefix { $0 != ";" && $0 != "," }.description }

  /// `:temp [V]`.
  public var synopsis: String { usage.isEmpty ? ":\(name)" : ":\(name) \(usage)" }
}

/// A typed line, told apart.
public enum TypedLine: Hashable, Sendable {
  /// Text for the model.
  case message(String)
  /// A command's name as typed, without its colon, and what follows it.
  case command(name: String, argument: String)

  /// A command is one line that starts with a colon and a lower-case letter or `?`; all else is a
  /// message.
  ///
  /// One more colon makes such a line a message without it.
  ///
  ///     :temp 0.9 -> command "temp", "0.9"        :) -> message ":)"
  ///     ::temp    -> message ":temp"              : hi -> message ": hi"
  public init(_ line: String) {
    let text = line.unicodeScalars
    let afterColons = text.drop { $0 == ":" }
    let colons = text.count - afterColons.count
    guard colons > 0, !text.contains("\n"), let first = afterColons.first,
      ("a"..."z").contains(first) || first == "?"
    else {
      self = .message(line)
      return
    }
    guard colons == 1 else {
      self = .message(String(text.dropFirst()))
      return
    }
    let isSpace: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
    let name = afterColons.prefix { !isSpace($0) }
    let argument = String(afterColons[name.endIndex...]).strippedAsInPython
    self = .command(name: String(name), argument: argument)
  }
}

/// A command that was refused.
public struct CommandError: Failure, Hashable {
  /// The command with its colon.
  public let place: String?
  /// See ``Failure/reason``.
  public let reason: String
  /// See ``Failure/kind``.
  public let kind: FailureKind

  init(_ name: String, _ reason: String, kind: FailureKind = .usage) {
    place = ":" + name
    self.reason = reason
    self.kind = kind
  }
}
