import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile

/// `llama-chat MODEL.bin`: the conversation.
struct ChatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Chat with a model (the default).",
    discussion: """
      At a terminal it is a conversation: :help lists its commands. With --prompt, --script or a pipe \
      on standard input it answers and ends; standard output then gets the replies alone.
      """)

  @Argument(
    help: """
      The model: a file (version 0, 1 or 2), any model that `convert` reads, or the name of one in \
      ./models, $LLAMA_CHAT_MODELS or the user's folder for models. Without it, the only one there, or \
      the last one used.
      """,
    completion: .file(extensions: ModelOptions.endings))
  var model: String?

  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Sampling") var sampling: ChatSamplingOptions
  @OptionGroup(title: "What the model is told") var text: ChatTextOptions
  @OptionGroup(title: "Saved chats") var saved: ChatSessionOptions

  @Option(
    parsing: .unconditional,
    help: "Context in tokens (default: the model's, at most \(Self.defaultContext)).",
    transform: numberArgument(expected: "a whole number, 16 or more") { $0 >= 16 })
  var ctx: Int?

  @Option(help: KVType.automaticHelp)
  var kv: KVType?

  @Option(help: "How standard input is read when it is not a conversation (default: message).")
  var stdin: InputCut?

  @Option(
    help: "Run a file of messages and commands, as if typed; the first failure ends it.",
    completion: .file())
  var script: String?

  @Flag(
    inversion: .prefixedNo,
    help: "No repainting, no colours, no symbols: for screen readers and simple terminals.")
  var plain: Bool?

  @Option(help: "When to use colours (default: auto).")
  var color: ColorPolicy?

  @Flag(inversion: .prefixedNo, help: "Read and write the history file (default: --history).")
  var history: Bool?

  @Flag(help: "Show statistics after each reply also when not at a terminal.")
  var stats = false

  @Flag(
    help: "Answer in events, a JSON object a line: text, turn, notice, error. Not at a terminal.")
  var json = false

  @Flag(help: "Do not read the configuration file.")
  var noConfig = false

  @Option(
    help: ArgumentHelp(
      "Check the prompt files of a folder, say what is wrong with each, and end (code 2 if anything is).",
      valueName: "folder"),
    completion: .directory)
  var checkPrompts: String?

  /// More context costs memory and time; whoever needs it asks for it.
  static let defaultContext = 2048

  func validate() throws {
    if script != nil, stdin != nil {
      throw ValidationError("--script and --stdin: choose one of them")
    }
    if checkPrompts != nil, model != nil {
      throw ValidationError("--check-prompts needs no model")
    }
  }

  mutating func run() throws {
    if let checkPrompts { return try PromptCheck.run(folder: checkPrompts) }
    var configuration = Configuration(isWanted: !noConfig)
    configuration.report()
    // What is wrong with the input is said before a model is looked for.
    let input = saved.replay == nil ? try scriptedInput() : nil
    if json, input == nil, saved.replay == nil {
      throw InputError(
        place: "--json", reason: "is no way to talk; give --prompt, --script or a pipe")
    }
    let chosen = try model.map { try ModelChoice().path(named: $0) } ?? ModelChoice().path()
    let path = try engine.modelFile(for: chosen)
    configuration.choose(forModels: [chosen, path])
    try Signals.install()

    let screen = Screen(self, configuration)
    let output: any ProgramOutput =
      json ? EventLines() : TerminalOutput(policy: screen.color, plain: screen.isPlain)
    if let replay = saved.replay {
      Signals.enter(.busy)
      let outcome = Result {
        try saved.run(replay: replay, model: path, with: engine, output: output)
      }
      try output.checkDelivery()
      return try outcome.get()
    }
    if input == nil, screen.usesEditor {
      TerminalModes.save()
      TerminalModes.enterBusy()
    }
    var start = ChatStart(command: self, model: path, configuration: configuration, screen: screen)
    let chat = try start.makeChat(output, input: input)
    if input == nil { LastModel(environment: ProcessInfo.processInfo.environment)?.note(chosen) }
    let outcome = Result {
      if let input {
        if let loaded = chat.loaded { output.notice(loaded) }
        try answer(input, in: chat)
      } else {
        try converse(chat, screen, output)
      }
    }
    try output.checkDelivery()
    if json, case .failure(let error) = outcome, let failure = error as? any Failure {
      output.problem(failure.description)
    }
    try outcome.get()
  }

  private func answer(_ input: ScriptedInput, in chat: ChatStart.Chat) throws {
    guard let prompt = chat.prompt else {
      return try chat.repl.run(input.lines, mode: input.mode)
    }
    try chat.repl.begin(with: prompt, pinned: chat.pinned, mode: input.mode)
    // Of one message, the prompt has taken care.
    if input.cut != .message { try chat.repl.run(input.lines, mode: input.mode) }
  }

  // MARK: - At a terminal

  private func converse(
    _ chat: ChatStart.Chat, _ screen: Screen, _ output: any ProgramOutput
  ) throws {
    let repl = chat.repl
    let showsNotes = isatty(STDERR_FILENO) == 1
    // Whom the model is to be is in the banner; what it is asked comes below.
    if let prompt = chat.prompt, prompt.isPersona {
      try repl.begin(with: prompt, pinned: chat.pinned, mode: .interactive)
    }
    if showsNotes { Banner.show(repl, plain: screen.isPlain) }
    if let loaded = chat.loaded { output.notice(loaded) }
    defer {
      if repl.sessions?.isKept == true, !repl.conversation.turns.isEmpty {
        output.notice("this chat is kept; --continue goes on with it")
      }
    }
    if let prompt = chat.prompt, !prompt.isPersona {
      try repl.begin(with: prompt, pinned: chat.pinned, mode: .interactive)
    }
    let terminal = isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO
    if isatty(terminal) == 1 {
      repl.clipboard = { Clipboard.put($0, on: terminal) }
      repl.externalEditor = { try ExternalEditor.editBetweenPrompts($0, terminal: terminal) }
    }
    guard screen.usesEditor else { return try repl.run(PlainLines(asks: showsNotes)) }
    let style = TerminalStyle(stream: terminal, policy: screen.color, plain: false)
    let editor = try LineEditor(
      output: terminal, style: style, history: screen.history, keyBindings: screen.keyBindingsPath
    ) { [unowned repl] in repl.completions(for: $0) }
    defer { editor.close() }
    repl.conversation.knobs = editor.input
    try repl.run(editor)
  }
}

/// How the conversation looks, by the command line, the configuration and the environment.
struct Screen {
  /// `--plain`, `ACCESSIBLE` in the environment, or the configuration.
  let isPlain: Bool
  let color: ColorPolicy
  /// Whether typed lines are kept.
  let keepsHistory: Bool
  /// The user's key bindings for this program; `nil` when no configuration is wanted.
  let keyBindingsPath: String?

  /// Whether the environment asks for what a screen reader can follow.
  private static var isForReaders: Bool {
    !["", "0", "false"].contains(ProcessInfo.processInfo.environment["ACCESSIBLE"] ?? "")
  }

  /// Whether progress on standard error may be painted over, where only the environment is known.
  static var repaintsProgress: Bool {
    TerminalStyle(stream: STDERR_FILENO, policy: .auto, plain: isForReaders).repaints
  }

  init(_ command: ChatCommand, _ configuration: Configuration) {
    isPlain = command.plain ?? (Self.isForReaders || configuration.flag(.plain) == true)
    let configured = configuration[.color].flatMap(ColorPolicy.init) ?? .auto
    // The file speaks of the terminal; into a pipe only the command line puts colours.
    color =
      command.color ?? (isatty(STDERR_FILENO) == 1 || configured == .never ? configured : .auto)
    keepsHistory = command.history ?? configuration.flag(.history) ?? true
    let folders = UserFolders(environment: ProcessInfo.processInfo.environment)
    keyBindingsPath = command.noConfig ? nil : folders.configuration.map { $0 + "/editrc" }
  }

  /// Whether lines are edited by libedit, which needs a terminal to paint on.
  var usesEditor: Bool {
    !isPlain && (isatty(STDOUT_FILENO) == 1 || isatty(STDERR_FILENO) == 1)
  }

  var historyPath: String? {
    guard keepsHistory else { return nil }
    return HistoryFile.defaultPath(environment: ProcessInfo.processInfo.environment)
  }

  var history: HistoryFile? { historyPath.map { HistoryFile(path: $0, warn: Report.warning) } }
}
