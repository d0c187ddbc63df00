import ArgumentParser
import Chat
import Foundation
import ModelFile

extension TemplateKind: ExpressibleByArgument {
  /// The template of that name.
  public init?(argument: String) { self.init(name: argument) }

  /// The names, for help and completion.
  public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// How a chat draws its tokens; texts, because ``Settings`` checks them as it does typed ones.
struct ChatSamplingOptions: ParsableArguments {
  @Option(
    name: [.customShort("t"), .customLong("temp")], parsing: .unconditional,
    help: "Temperature, 0…2; 0 is greedy (default: 0.7).")
  var temperature: String?

  @Option(
    name: [.customShort("p"), .customLong("topp")], parsing: .unconditional,
    help: "Nucleus mass, 0 < P ≤ 1; 1 is off (default: 0.9).")
  var topP: String?

  @Option(
    name: [.customShort("s"), .long], parsing: .unconditional,
    help: "Seed (default: random, and shown).")
  var seed: String?

  @Option(
    name: [.customShort("n"), .customLong("max")], parsing: .unconditional,
    help: "Most tokens of a reply; 0 is no limit (default: 0).")
  var maxTokens: String?

  /// What was given.
  var given: [(key: Settings.Key, text: String)] {
    [(.temp, temperature), (.topp, topP), (.seed, seed), (.max, maxTokens)]
      .compactMap { key, text in text.map { (key, $0) } }
  }

  /// Sets what was given.
  ///
  /// - Throws: ``SettingError``.
  func apply(to settings: inout Settings) throws {
    for (key, text) in given { try settings.set(key, to: text) }
  }
}

/// What the model is told besides what is typed.
struct ChatTextOptions: ParsableArguments {
  @Option(
    parsing: .unconditional, help: ArgumentHelp("System prompt.", valueName: "text|@file"))
  var system: String?

  @Option(
    help: """
      Use a prompt of the library (:prompts lists them): its system prompt, settings and messages. The \
      text of --prompt or standard input goes where it has {{input}}.
      """,
    completion: .custom { _, _, _ in PromptLibrary(folders: PromptFolders.all).names })
  var promptName: String?

  @Option(
    name: .customLong("prompt-arg"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("With --prompt-name: a value for a variable of it.", valueName: "k=v"))
  var promptArguments: [String] = []

  @Option(
    parsing: .unconditional,
    help: "Answer this message and end; piped standard input follows it after a blank line.")
  var prompt: String?

  @Option(help: "Chat template (default: the one the model was trained with).")
  var template: TemplateKind?

  func validate() throws {
    if system != nil, promptName != nil {
      throw ValidationError("--system and --prompt-name: choose one of them")
    }
    if promptName == nil, !promptArguments.isEmpty {
      throw ValidationError("--prompt-arg needs --prompt-name NAME")
    }
    if let wrong = promptArguments.first(where: { !$0.contains("=") }) {
      throw ValidationError("--prompt-arg: expected NAME=VALUE, got \"\(wrong)\"")
    }
  }

  /// The prompt of `--prompt-name` with its variables filled in.
  ///
  /// - Parameter input: The text that goes with it.
  /// - Throws: ``PromptError``, ``TextInputError``.
  func prompt(in library: PromptLibrary, input: String?) throws -> RenderedPrompt? {
    guard let promptName else { return nil }
    let file = try library.prompt(named: promptName)
    for warning in file.warnings { Report.warning(warning.description) }
    let values = promptArguments.map { argument in
      let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (name: String(halves[0]), value: String(halves[1]))
    }
    return try file.rendered(values, input: input)
  }

  /// The text of `--system`, a file's after `@`.
  ///
  /// - Throws: ``TextInputError``.
  func systemText() throws -> String? {
    guard let system, system.hasPrefix("@") else { return system }
    return try TextInput.read(path: String(system.dropFirst()), acceptsPipes: true)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// Chats of earlier, and where this one goes.
struct ChatSessionOptions: ParsableArguments {
  @Flag(
    name: [.customShort("c"), .customLong("continue")],
    help: "Go on with the last chat with this model.")
  var continues = false

  @Option(
    help: ArgumentHelp(
      "Go on with a saved chat: its file, or the name it was saved under.",
      valueName: "file|name"),
    completion: .file(extensions: ["chat"]))
  var load: String?

  @Flag(inversion: .prefixedNo, help: "Keep the chat after each turn (default: --autosave).")
  var autosave: Bool?

  @Option(
    help: ArgumentHelp(
      "Run a saved chat again with its seeds and settings, and print the replies.",
      valueName: "file"),
    completion: .file(extensions: ["chat"]))
  var replay: String?

  @Flag(
    help: """
      With --replay: print no replies; end with code 3 and the place of the first difference unless \
      every token comes out the same.
      """)
  var check = false

  func validate() throws {
    if continues, load != nil {
      throw ValidationError("--continue and --load: choose one of them")
    }
    if check, replay == nil { throw ValidationError("--check needs --replay FILE") }
    if replay != nil, continues || load != nil {
      throw ValidationError("--replay runs a chat of its own; leave out --continue and --load")
    }
  }
}
