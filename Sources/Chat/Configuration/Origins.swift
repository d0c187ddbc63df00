/// Where a value in use comes from; a later one holds instead of an earlier one.
public enum Origin: Hashable, Sendable {
  /// The program's own.
  case standard
  /// A line of the configuration: its place.
  case config(String)
  /// A saved chat.
  case savedChat
  /// A prompt of the library.
  case prompt(String)
  /// An option of the command line.
  case commandLine
  /// A command, or a key, while chatting.
  case typed

  /// In words.
  public var text: String {
    switch self {
    case .standard: "default"
    case .config(let place): place
    case .savedChat: "saved chat"
    case .prompt(let name): "prompt \(name)"
    case .commandLine: "command line"
    case .typed: "typed"
    }
  }
}

/// Where each value came from when it was last set by something other than a person at the prompt.
public struct Origins: Sendable {
  private var noted: [String: (value: String, origin: Origin)] = [:]

  /// Nothing is known: every value is a default or typed.
  public init() {}

  /// Notes where a value came from.
  public mutating func note(_ name: String, _ value: String, from origin: Origin) {
    noted[name] = (value, origin)
  }

  /// Where a value that is in use now came from.
  ///
  /// A value that is not the one that was noted was turned since, whichever command or key did it.
  public func origin(of name: String, value: String) -> Origin {
    guard let note = noted[name] else { return .standard }
    return note.value == value ? note.origin : .typed
  }
}
