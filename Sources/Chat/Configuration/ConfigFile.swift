import ModelFile

/// The user's configuration: settings for every model, and for models of some names.
///
///     temp: 0.6
///     threads: 4
///     models:
///       "llama2*":
///         ctx: 4096
///
/// Nothing in it keeps the program from starting. What is wrong is left out, with a warning that names the
/// line.
public struct ConfigFile: Hashable, Sendable {
  /// One value, and where it stands.
  public struct Entry: Hashable, Sendable {
    /// What it is for.
    public var key: ConfigKey
    /// The value as it is written.
    public var text: String
    /// The line in the file.
    public var line: Int
    /// The pattern of model names it is for; `nil` for all.
    public var pattern: String?

    /// `config.yaml:9 [llama2*]`.
    public var place: String {
      "\(ConfigFile.name):\(line)" + (pattern.map { " [\($0)]" } ?? "")
    }
  }

  /// The file's name.
  public static let name = "config.yaml"
  /// The key that sections for models are under.
  static let modelsKey = "models"
  private static let largest = 65_536

  /// Everything that can be used, in the file's order.
  public private(set) var entries: [Entry] = []
  /// What is wrong, one line each.
  public private(set) var warnings: [String] = []

  /// An empty configuration.
  public init() {}

  /// Reads the file at a path; a file that is not there is an empty one.
  public init(path: String) {
    self.init()
    do {
      _ = try System.status(of: path)
    } catch {
      if !error.isMissingFile { warnings = ["\(path): cannot be opened: \(error.text)"] }
      return
    }
    do {
      self = ConfigFile(text: try TextInput.read(path: path, limit: Self.largest))
    } catch {
      warnings = ["\((error as? any Failure)?.description ?? "\(error)"); it is not used"]
    }
  }

  /// Reads a configuration's text.
  public init(text: String) {
    do {
      for entry in try YAMLEntries.read(text) { take(entry) }
    } catch {
      warnings.append("\(Self.name):\(error.line): \(error.reason); the file is not used")
      entries = []
    }
  }

  private mutating func take(_ entry: YAMLEntry) {
    guard entry.key == Self.modelsKey else { return take(entry, pattern: nil) }
    guard case .entries(let sections) = entry.value else {
      // `models:` with nothing below it is a beginning.
      if entry.value != .text("") {
        warn(entry, "expected names of models, each with its settings below it")
      }
      return
    }
    for section in sections {
      guard case .entries(let settings) = section.value else {
        warn(section, "expected settings of \"\(section.key)\" below it")
        continue
      }
      for setting in settings { take(setting, pattern: section.key) }
    }
  }

  private mutating func take(_ entry: YAMLEntry, pattern: String?) {
    guard let key = ConfigKey(name: entry.key) else {
      let known = ConfigKey.all.map(\.name) + [Self.modelsKey]
      let hint = closest(to: entry.key, among: known).map { "did you mean \"\($0)\"?" }
      let all = "known: " + known.joined(separator: ", ")
      warnings.append(
        "\(Self.name):\(entry.line): unknown key \"\(entry.key)\"; \(hint ?? all)")
      return
    }
    guard case .text(let text) = entry.value else {
      if case .other(let what) = entry.value { warn(entry, "expected a value, got \(what)") }
      if case .entries = entry.value { warn(entry, "expected a value, got keys") }
      return
    }
    do {
      try key.check(text)
      entries.append(Entry(key: key, text: text, line: entry.line, pattern: pattern))
    } catch {
      let reason = (error as? ConfigKey.WrongValue)?.reason ?? "\(error)"
      warn(entry, "\(reason); left out")
    }
  }

  private mutating func warn(_ entry: YAMLEntry, _ reason: String) {
    warnings.append("\(Self.name):\(entry.line): \(entry.key): \(reason)")
  }

  /// The values for a model: a section's over those for every model, a later section's over an earlier one's.
  ///
  /// - Parameter models: The names the model goes by; a pattern that fits one of them fits the model.
  public func values(forModels models: [String]) -> [ConfigKey: Entry] {
    var values: [ConfigKey: Entry] = [:]
    for entry in entries where entry.pattern == nil { values[entry.key] = entry }
    for entry in entries {
      guard let pattern = entry.pattern else { continue }
      if models.contains(where: { Glob.matches($0, pattern) }) { values[entry.key] = entry }
    }
    return values
  }
}

/// Patterns of file names: `*` is any text, `?` any character, upper and lower case are the same.
enum Glob {
  /// Whether a name is of a pattern; takes at most the product of their lengths.
  static func matches(_ name: String, _ pattern: String) -> Bool {
    let name = Array(name.lowercased())
    let pattern = Array(pattern.lowercased())
    var position = 0
    var next = 0
    // Where the last star is, and how far the name was then taken up by it.
    var star: (pattern: Int, name: Int)?
    while position < name.count {
      if next < pattern.count, pattern[next] == "*" {
        star = (next, position)
        next += 1
      } else if next < pattern.count, pattern[next] == "?" || pattern[next] == name[position] {
        next += 1
        position += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        next = last.pattern + 1
        position = last.name + 1
      } else {
        return false
      }
    }
    return pattern[next...].allSatisfy { $0 == "*" }
  }
}
