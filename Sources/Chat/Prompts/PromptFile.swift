import ModelFile

/// A prompt with a name, from a file `NAME.md`.
///
/// It says whom the model is to be, what it is asked, and how it draws its answer. All of that is optional, but
/// it must tell or ask the model something.
///
///     ---
///     title: Explain at a level           # one line, for lists
///     system: You are a patient teacher.  # the system prompt
///     temp: 0.6                           # temp, topp, max: for this prompt only
///     args: topic, level=ten-year-old     # variables, some with a value of their own
///     ---
///     Explain {{topic}} to a {{level}}. {{input}}
///     %%
///     Now give one everyday example.
///
/// The body holds messages, parted by lines `%%`. A file `NAME.txt` is such a body without front matter.
public struct PromptFile: Hashable, Sendable {
  /// The file's name without its ending.
  public let name: String
  /// Where it is.
  public let path: String
  /// What it is good for, in one line; the name when the file does not say.
  public private(set) var title: String
  /// Settings that suit it, as text for ``Settings/set(_:to:)``.
  public private(set) var settings: [Settings.Key: String] = [:]
  /// What is odd about it but does not keep it from being used.
  public private(set) var warnings: [PromptError] = []
  private(set) var system: PromptTemplate?
  private(set) var messages: [PromptTemplate] = []
  private(set) var arguments = PromptArguments()

  /// The settings a prompt file may give.
  static let settingKeys: [Settings.Key] = [.temp, .topp, .max]
  /// Every key of the front matter.
  static let keys = ["title", "system"] + settingKeys.map(\.rawValue) + ["args"]
  /// What parts messages.
  static let separator = "%%"
  /// The endings of prompt files.
  static let endings = [".md", ".txt"]

  /// Reads a prompt file's text.
  ///
  /// - Throws: ``PromptError`` with the line that is wrong.
  public init(name: String, path: String, text: String) throws {
    self.name = name
    self.path = path
    title = name
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var bodyStart = 0
    var systemText: (text: String, line: Int)?
    if !path.hasSuffix(".txt") {
      guard lines.first == "---" else { throw wrong(1, "expected \"---\" and front matter") }
      guard let end = lines.dropFirst().firstIndex(of: "---") else {
        throw wrong(1, "front matter never ends; expected \"---\"")
      }
      bodyStart = end + 1
      systemText = try readFrontMatter(lines[1..<end].joined(separator: "\n"))
    }
    let names = arguments.variables.map(\.name)
    if let (text, line) = systemText {
      system = try PromptTemplate(
        text, known: names.filter { $0 != PromptTemplate.input }, path: path, line: line)
    }
    try readBody(lines[bodyStart...], known: names + [PromptTemplate.input])
    guard system != nil || !messages.isEmpty else {
      throw wrong(lines.count, "has neither a system prompt nor a message")
    }
    warnOfUnused()
  }

  private func wrong(_ line: Int, _ reason: String) -> PromptError {
    PromptError(path: path, line: line, reason: reason)
  }

  /// - Returns: The system prompt and the line it begins on.
  private mutating func readFrontMatter(_ yaml: String) throws -> (text: String, line: Int)? {
    let entries: [YAMLEntry]
    do {
      // Its first line is the file's second.
      entries = try YAMLEntries.read(yaml, firstLine: 2)
    } catch {
      throw wrong(error.line, "front matter: \(error.reason)")
    }
    var system: (String, Int)?
    for entry in entries {
      guard Self.keys.contains(entry.key) else {
        let close = closest(to: entry.key, among: Self.keys).map { "did you mean \"\($0)\"?" }
        let known = "known: \(Self.keys.joined(separator: ", "))"
        warnings.append(wrong(entry.line, "unknown key \"\(entry.key)\"; \(close ?? known)"))
        continue
      }
      guard case .text(let value) = entry.value, !value.strippedAsInPython.isEmpty else {
        throw wrong(entry.line, "\(entry.key): expected a text")
      }
      switch entry.key {
      case "title": title = try oneLine(value, entry)
      case "system": system = (value, entry.line)
      case "args":
        do { arguments = try PromptArguments(value) } catch {
          throw wrong(entry.line, "args: \(error.reason)")
        }
      default: try readSetting(value, entry)
      }
    }
    return system
  }

  private func oneLine(_ value: String, _ entry: YAMLEntry) throws -> String {
    let text = value.strippedAsInPython
    guard !text.contains("\n") else { throw wrong(entry.line, "\(entry.key): expected one line") }
    return text
  }

  private mutating func readSetting(_ value: String, _ entry: YAMLEntry) throws {
    guard let key = Settings.Key(rawValue: entry.key) else { return }
    // Ranges are checked here; the context's size is known only when the prompt is used.
    var trial = Settings(capacity: Int.max)
    do { try trial.set(key, to: value) } catch { throw wrong(entry.line, "\(error)") }
    settings[key] = value
  }

  private mutating func readBody(_ lines: ArraySlice<Substring>, known: [String]) throws {
    guard lines.contains(where: { !String($0).strippedAsInPython.isEmpty }) else { return }
    let parts = lines.split(omittingEmptySubsequences: false) {
      String($0).strippedAsInPython == Self.separator
    }
    for part in parts {
      let text = part.joined(separator: "\n")
      guard !text.strippedAsInPython.isEmpty else {
        throw wrong(part.startIndex + 1, "an empty message; expected text beside \"%%\"")
      }
      messages.append(
        try PromptTemplate(text, known: known, path: path, line: part.startIndex + 1))
    }
  }

  /// A variable that is asked for and then left out is a mistake in one of the two places.
  private mutating func warnOfUnused() {
    let used = templates.reduce(into: Set()) { $0.formUnion($1.variables) }
    for variable in arguments.variables where !used.contains(variable.name) {
      // A system prompt alone takes the text as the message.
      if variable.name == PromptTemplate.input, messages.isEmpty { continue }
      warnings.append(
        PromptError(path: path, reason: "args names \(variable.name), which is used nowhere"))
    }
  }
}

/// A prompt with everything filled in.
public struct RenderedPrompt: Hashable, Sendable {
  /// The prompt's name.
  public var name: String
  /// The system prompt; `nil` to leave it as it is.
  public var system: String?
  /// What is asked, one message after the other's reply.
  public var messages: [String]
  /// Whether the file has no message of its own, so that it only says whom the model is to be.
  public var isPersona: Bool
  /// Settings for these messages; of a persona, for as long as its system prompt holds.
  public var settings: [Settings.Key: String]
}

extension PromptFile {
  /// Fills in what was typed.
  ///
  /// - Parameters:
  ///   - given: Values by their variables' names.
  ///   - input: The text after them; the message of a prompt that has none of its own.
  /// - Throws: ``PromptError`` for a variable that is unknown or without a value, or a text there is no
  ///   place for; ``TextInputError`` for a file.
  public func rendered(
    _ given: [(name: String, value: String)] = [], input: String? = nil
  ) throws -> RenderedPrompt {
    let values = try arguments.values(given, input: input, prompt: name)
    let takesInput = messages.contains { $0.variables.contains(PromptTemplate.input) }
    guard input == nil || messages.isEmpty || takesInput else {
      throw PromptError(reason: "\(name) takes no text: it has no {{input}}")
    }
    let texts = try messages.map { try $0.rendered(values, folder: folder) }
    return RenderedPrompt(
      name: name, system: try system?.rendered(values, folder: folder),
      messages: messages.isEmpty ? [input].compactMap(\.self) : texts,
      isPersona: messages.isEmpty, settings: settings)
  }

  /// Where it is.
  var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Its texts as they were written.
  var texts: [String] { templates.map(\.source) }

  var templates: [PromptTemplate] { (system.map { [$0] } ?? []) + messages }
}

/// A prompt file that cannot be used, or a prompt that is not there.
public struct PromptError: Failure, Hashable {
  /// The file's path; `nil` for what was typed.
  public var path: String?
  /// The line in the file.
  public var line: Int?
  /// See ``Failure/reason``.
  public var reason: String

  init(path: String? = nil, line: Int? = nil, reason: String) {
    self.path = path
    self.line = line
    self.reason = reason
  }

  /// `PATH:LINE`.
  public var place: String? {
    guard let path else { return nil }
    return line.map { "\(path):\($0)" } ?? path
  }
  /// See ``Failure/kind``.
  public var kind: FailureKind { path == nil ? .usage : .damagedFile }
}
