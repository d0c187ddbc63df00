import Inference
import ModelFile

extension CommandTable {
  /// What is in force, and why.
  static let configuration: [Command] = [
    Command(
      "config", summary: "files in use; every value and where it came from", example: ":config",
      group: .general, run: { repl, _ in repl.showConfiguration() })
  ]
}

/// A name and a text, for lists.
public struct NamedText: Hashable, Sendable {
  /// What it is.
  public var name: String
  /// What is said of it.
  public var text: String

  /// A row of a list.
  public init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }
}

extension Repl {
  /// Notes where every setting that is now in force came from, if from the same place.
  public func noteOrigins(of keys: some Sequence<Settings.Key>, _ origin: Origin) {
    for key in keys {
      origins.note(key.rawValue, conversation.settings.text(of: key), from: origin)
    }
  }

  /// Values in use that are not settings of the conversation's, by their names in the configuration.
  private var startingValues: [NamedText] {
    [
      NamedText("threads", String(conversation.engine.threads)),
      NamedText("ctx", String(conversation.capacity)),
      NamedText("kv", conversation.cache.type.rawValue),
      NamedText("system", conversation.system ?? "none"),
      NamedText("prompt", promptName ?? "none"),
      NamedText("template", conversation.template.kind.name),
    ]
  }

  /// Notes where a value came from that is not a setting of the conversation's.
  public func noteOrigin(of key: ConfigKey, _ origin: Origin) {
    guard let value = (startingValues + programValues).first(where: { $0.name == key.name }) else {
      return
    }
    origins.note(key.name, value.text, from: origin)
  }

  private func origin(of value: NamedText) -> Origin {
    // What a prompt has changed is given back with it, and is then again from where it was before.
    if let key = Settings.Key(rawValue: value.name), let promptName,
      borrowed?.value(of: key) == value.text
    {
      return .prompt(promptName)
    }
    return origins.origin(of: value.name, value: value.text)
  }

  /// `:config`.
  func showConfiguration() {
    let settings = Settings.Key.allCases.map {
      NamedText($0.rawValue, conversation.settings.text(of: $0))
    }
    let width = 11
    let values = (settings + startingValues + programValues).map { value in
      let line = value.text.split(separator: "\n").joined(separator: " ")
      let shown = line.count <= 40 ? line : line.prefix(39) + "…"
      let origin = origin(of: value)
      return "\(padded(value.name, to: width))\(padded(shown, to: 22))  \(origin.text)"
    }
    let files = programFiles.map { "\(padded($0.name, to: width))\($0.text)" }
    output.notice((files + values).joined(separator: "\n"))
  }
}
