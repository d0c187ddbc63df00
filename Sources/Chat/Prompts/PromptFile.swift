import ModelFile
import Yams

/// A system prompt with a name, from a file `NAME.md`.
///
/// The file is YAML front matter between two lines `---`, then the system prompt:
///
///     ---
///     description: Explains step by step      required, one line
///     temp: 0.6                               optional: temp, topp, max
///     ---
///     You are a patient teacher. …
public struct PromptFile: Hashable, Sendable {
  /// The file's name without `.md`.
  public var name: String
  /// What it is good for, in one line.
  public var description: String
  /// The system prompt.
  public var system: String
  /// Settings that suit it, as text for ``Settings/set(_:to:)``.
  public var settings: [Settings.Key: String]

  /// The settings a prompt file may give.
  static let settingKeys: [Settings.Key] = [.temp, .topp, .max]

  /// Reads a prompt file's text.
  ///
  /// - Parameter path: For errors.
  /// - Throws: ``PromptError`` with the line that is wrong.
  public init(name: String, path: String, text: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == "---" else {
      throw PromptError(path: path, line: 1, reason: "expected \"---\" and front matter")
    }
    guard let end = lines.dropFirst().firstIndex(of: "---") else {
      throw PromptError(path: path, line: 1, reason: "front matter never ends; expected \"---\"")
    }
    let entries = try Self.entries(lines[1..<end].joined(separator: "\n"), path: path)

    var description: String?
    var settings: [Settings.Key: String] = [:]
    for entry in entries {
      func wrong(_ reason: String) -> PromptError {
        PromptError(path: path, line: entry.line, reason: reason)
      }
      if entry.key == "description" {
        guard !entry.value.isEmpty else { throw wrong("description is empty") }
        description = entry.value
      } else if let key = Self.settingKeys.first(where: { $0.rawValue == entry.key }) {
        // Ranges are checked here; the context's size is known only when the prompt is used.
        var trial = Settings(capacity: Int.max)
        do { try trial.set(key, to: entry.value) } catch { throw wrong("\(error)") }
        settings[key] = entry.value
      } else {
        let known = ["description"] + Self.settingKeys.map(\.rawValue)
        throw wrong("unknown key \"\(entry.key)\"; known: \(known.joined(separator: ", "))")
      }
    }
    guard let description else {
      throw PromptError(path: path, line: end + 1, reason: "front matter has no description")
    }
    let body = lines[(end + 1)...].joined(separator: "\n").strippedAsInPython
    guard !body.isEmpty else {
      throw PromptError(
        path: path, line: end + 2, reason: "no system prompt after the front matter")
    }
    self.name = name
    self.description = description
    self.system = body
    self.settings = settings
  }

  /// The front matter's keys and values, with their lines in the file.
  private static func entries(
    _ yaml: String, path: String
  ) throws -> [(key: String, value: String, line: Int)] {
    // Line 1 of the front matter is line 2 of the file.
    let node: Node?
    do {
      node = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw wrong(error, path: path)
    }
    guard let node else { return [] }
    guard let mapping = node.mapping else {
      throw PromptError(path: path, line: 2, reason: "front matter must be \"key: value\" lines")
    }
    return try mapping.map { key, value in
      let line = (key.mark?.line ?? 1) + 1
      guard let key = key.scalar?.string, let text = value.scalar?.string else {
        throw PromptError(path: path, line: line, reason: "expected a plain \"key: value\"")
      }
      return (key, text, line)
    }
  }

  private static func wrong(_ error: YamlError, path: String) -> PromptError {
    let reason = "front matter is not valid YAML"
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      return PromptError(path: path, line: mark.line + 1, reason: reason)
    case .duplicatedKeysInMapping(let keys, _):
      let names = keys.map { "\"\($0)\"" }.joined(separator: ", ")
      return PromptError(path: path, line: 2, reason: "front matter gives \(names) twice")
    default:
      return PromptError(path: path, line: 2, reason: reason)
    }
  }
}

/// A prompt file that cannot be used, or a prompt that is not there.
public struct PromptError: Failure, Hashable {
  /// The file's path; `nil` for a name that was not found.
  public var path: String?
  /// The line in the file.
  public var line: Int?
  /// See ``Failure/reason``.
  public var reason: String

  /// `PATH:LINE`.
  public var place: String? {
    guard let path else { return nil }
    return line.map { "\(path):\($0)" } ?? path
  }
  /// See ``Failure/kind``.
  public var kind: FailureKind { path == nil ? .usage : .damagedFile }
}
