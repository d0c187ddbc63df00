import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile
import Tokenization

/// `llama-chat MODEL.bin`: the conversation.
struct ChatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Chat with a model (the default).",
    discussion: """
      At a terminal it is a conversation: :help lists its commands. With --prompt, --script or a pipe \
      on standard input it answers and ends; standard output then gets the replies alone.
      """)

  @OptionGroup var options: ModelOptions
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

  @Flag(help: "No repainting, no colours, no symbols: for screen readers and simple terminals.")
  var plain = false

  @Option(help: "When to use colours.")
  var color = ColorPolicy.auto

  @Flag(help: "Neither read nor write the history file.")
  var noHistory = false

  @Flag(help: "Show statistics after each reply also when not at a terminal.")
  var stats = false

  /// More context costs memory and time; whoever needs it asks for it.
  private static let defaultContext = 2048

  func validate() throws {
    if script != nil, stdin != nil {
      throw ValidationError("--script and --stdin: choose one of them")
    }
  }

  mutating func run() throws {
    if let path = saved.replay {
      try options.convertIfNeeded()
      try Signals.install()
      Signals.enter(.busy)
      return try saved.run(
        replay: path, with: options, output: TerminalOutput(policy: color, plain: isPlain))
    }
    let input = try scriptedInput()
    try options.convertIfNeeded()
    try Signals.install()
    if input == nil, usesEditor {
      TerminalModes.save()
      TerminalModes.enterBusy()
    }
    let output = TerminalOutput(policy: color, plain: isPlain)
    let (repl, loaded) = try makeRepl(output, isInteractive: input == nil)
    let outcome = Result {
      if let input {
        if let loaded { output.notice(loaded) }
        try repl.run(input.lines, mode: input.mode)
      } else {
        try converse(repl, loaded: loaded, output)
      }
    }
    try output.checkDelivery()
    try outcome.get()
  }

  // MARK: - The model

  /// The loop, and what was loaded of an earlier chat.
  private func makeRepl(
    _ output: TerminalOutput, isInteractive: Bool
  ) throws -> (Repl, loaded: String?) {
    let (engine, tokenizer) = try options.load()
    let model = engine.model
    let keeper = saved.keeper(isInteractive: isInteractive)
    let earlier = try saved.earlierChat(keeper, model: model, vocabulary: tokenizer.vocabulary)
    let own = earlier?.isOfThisModel == true ? earlier?.session : nil
    let kind =
      text.template ?? own?.template
      ?? ChatTemplate.kind(for: model, vocabulary: tokenizer.vocabulary)
    let template = try ChatTemplate(kind: kind, tokenizer: tokenizer, metadata: model.metadata)

    let prompts = PromptLibrary(folders: PromptFolders.all)
    let prompt = try text.promptName.map { try prompts.prompt(named: $0) }
    var settings = Settings(capacity: context(of: model, earlier: own))
    for (key, value) in prompt?.settings ?? [:] { try settings.set(key, to: value) }
    try sampling.apply(to: &settings)
    if !isInteractive, !stats { try settings.set(.stats, to: "off") }

    let conversation = try Conversation(
      engine: engine, template: template, settings: settings, kvType: kv ?? own?.kvType,
      system: try text.systemText() ?? prompt?.system,
      now: { ContinuousClock.now - Signals.timeStopped })
    let repl = Repl(
      conversation: conversation, prompts: prompts, output: output, interrupt: interruptFlag)
    repl.promptName = prompt?.name
    repl.sessions = keeper
    let loaded = try earlier.map { try resume($0, in: repl, prompt: prompt) }
    return (repl, loaded)
  }

  /// Goes on with an earlier chat; what the command line says holds instead of what the chat had.
  private func resume(
    _ earlier: EarlierChat, in repl: Repl, prompt: PromptFile?
  ) throws -> String {
    let loaded = try repl.resume(
      earlier.session, from: earlier.path, name: earlier.name, isAutosave: earlier.isAutosave)
    let conversation = repl.conversation
    for (key, value) in prompt?.settings ?? [:] { try conversation.settings.set(key, to: value) }
    try sampling.apply(to: &conversation.settings)
    if sampling.seed != nil { conversation.restartSampler() }
    if let system = try text.systemText() ?? prompt?.system {
      try conversation.setSystem(system)
      repl.promptName = prompt?.name
    }
    return loaded
  }

  private func context(of model: Model, earlier: Session?) -> Int {
    let made = model.config.contextLength
    guard let ctx else { return earlier?.settings.capacity ?? min(made, Self.defaultContext) }
    if ctx > made {
      Report.warning("--ctx \(ctx) is above the \(made) tokens the model was made for")
    }
    return ctx
  }

  // MARK: - At a terminal

  private func converse(_ repl: Repl, loaded: String?, _ output: TerminalOutput) throws {
    let showsNotes = isatty(STDERR_FILENO) == 1
    if showsNotes { Banner.show(repl, plain: isPlain) }
    if let loaded { output.notice(loaded) }
    defer {
      if repl.sessions?.isKept == true, !repl.conversation.turns.isEmpty {
        output.notice("this chat is kept; --continue goes on with it")
      }
    }
    let output = isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO
    if isatty(output) == 1 {
      repl.clipboard = { Clipboard.put($0, on: output) }
      repl.externalEditor = { try ExternalEditor.editBetweenPrompts($0, terminal: output) }
    }
    guard usesEditor else { return try repl.run(PlainLines(asks: showsNotes)) }
    let style = TerminalStyle(stream: output, policy: color, plain: false)
    let editor = try LineEditor(output: output, style: style, history: history) {
      [unowned repl] in repl.completions(for: $0)
    }
    defer { editor.close() }
    try repl.run(editor)
  }

  /// Whether lines are edited by libedit, which needs a terminal to paint on.
  private var usesEditor: Bool {
    !isPlain && (isatty(STDOUT_FILENO) == 1 || isatty(STDERR_FILENO) == 1)
  }

  private var history: HistoryFile? {
    guard !noHistory else { return nil }
    return HistoryFile.defaultPath(environment: ProcessInfo.processInfo.environment)
      .map { HistoryFile(path: $0, warn: Report.warning) }
  }

  /// `--plain`, or `ACCESSIBLE` in the environment.
  private var isPlain: Bool {
    plain || !["", "0", "false"].contains(ProcessInfo.processInfo.environment["ACCESSIBLE"] ?? "")
  }
}
