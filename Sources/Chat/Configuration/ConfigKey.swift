import Inference
import ModelFile

/// What a configuration file may give: the settings by their `:set` names, and how the program starts.
public enum ConfigKey: Hashable, Sendable {
  /// One that can be turned while chatting.
  case setting(Settings.Key)
  /// Threads that compute.
  case threads
  /// Tokens of context.
  case ctx
  /// How keys and values are kept.
  case kv
  /// The system prompt.
  case system
  /// A prompt of the library, for its system prompt and settings.
  case prompt
  /// How turns become tokens.
  case template
  /// Whether nothing is repainted.
  case plain
  /// When to use colours.
  case color
  /// Whether typed lines are kept.
  case history
  /// Whether the chat is kept after every turn.
  case autosave

  /// Every key, in the order they are shown.
  public static let all: [ConfigKey] =
    Settings.Key.allCases.map(ConfigKey.setting)
    + [.threads, .ctx, .kv, .system, .prompt, .template, .plain, .color, .history, .autosave]

  /// The key of a name.
  public init?(name: String) {
    guard let key = Self.all.first(where: { $0.name == name }) else { return nil }
    self = key
  }

  /// The name, as it is written in the file.
  public var name: String {
    if case .setting(let key) = self { key.rawValue } else { "\(self)" }
  }

  /// The words for yes and no that YAML knows.
  static let yes = ["true", "yes", "on"]
  static let no = ["false", "no", "off"]

  /// Checks a value as far as that is possible without a model.
  ///
  /// - Throws: ``WrongValue`` with what was expected.
  func check(_ text: String) throws {
    switch self {
    case .setting(let key):
      // The context's size is known only later.
      var trial = Settings(capacity: Int.max)
      do { try trial.set(key, to: text) } catch let error as SettingError {
        throw WrongValue(reason: error.reason)
      }
    case .threads:
      let most = Engine.maximumThreads
      guard text == "auto" || 1...most ~= (Int(text) ?? 0) else {
        throw WrongValue(expected: "must be 1…\(most) or auto", found: text)
      }
    case .ctx:
      guard (Int(text) ?? 0) >= 16 else {
        throw WrongValue(expected: "must be a whole number, 16 or more", found: text)
      }
    case .kv: try Self.expect(KVType(rawValue: text), text, KVType.allCases.map(\.rawValue))
    case .template:
      try Self.expect(TemplateKind(name: text), text, TemplateKind.allCases.map(\.name))
    case .color:
      let policies = ["auto", "always", "never"]
      try Self.expect(policies.first { $0 == text }, text, policies)
    case .plain, .history, .autosave:
      try Self.expect(
        (Self.yes + Self.no).first { $0 == text.lowercased() }, text, ["true", "false"])
    case .system, .prompt:
      guard !text.strippedAsInPython.isEmpty else {
        throw WrongValue(reason: "expected a text")
      }
    }
  }

  private static func expect(_ value: Any?, _ text: String, _ words: [String]) throws {
    guard value == nil else { return }
    throw WrongValue(expected: "must be \(words.joined(separator: ", "))", found: text)
  }

  struct WrongValue: Error {
    var reason: String

    init(reason: String) { self.reason = reason }

    init(expected: String, found: String) { reason = "\(expected), got \"\(found)\"" }
  }
}
