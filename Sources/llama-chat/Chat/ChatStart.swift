import Chat
import Foundation
import Inference
import ModelFile
import Tokenization

/// Makes the conversation that the command line, a saved chat and the configuration ask for.
///
/// What is said later holds: the program's defaults, the configuration (for every model, then for this one),
/// a saved chat, `--prompt-name`, the other options; and then what is typed.
struct ChatStart {
  let command: ChatCommand
  /// The path of the model file.
  let model: String
  var configuration: Configuration
  let screen: Screen

  /// What there is to begin with.
  struct Chat {
    let repl: Repl
    /// What was loaded of an earlier chat.
    var loaded: String?
    /// The prompt to begin with.
    var prompt: RenderedPrompt?
    /// Settings the command line gives, which no prompt changes at the start.
    var pinned: Set<Settings.Key> = []
  }

  /// Loads the model and what there is of an earlier chat.
  mutating func makeChat(
    _ output: any ProgramOutput, input: ChatCommand.ScriptedInput?
  ) throws -> Chat {
    let library = PromptLibrary(folders: PromptFolders.all)
    // A mistake in a prompt is known before the model is loaded.
    let prompt = try command.text.prompt(in: library, input: input?.message)
    if let prompt, prompt.messages.isEmpty, input?.cut == .message {
      throw InputError(reason: "is empty; \(prompt.name) has no message of its own")
    }
    let systemText = try command.text.systemText()

    let (engine, tokenizer) = try command.engine.load(model, threads: configuration.threads)
    let keeper = command.saved.keeper(
      isInteractive: input == nil,
      autosaves: command.saved.autosave ?? configuration.flag(.autosave) ?? true)
    let earlier = try command.saved.earlierChat(
      keeper, model: engine.model, vocabulary: tokenizer.vocabulary)
    let own = earlier?.isOfThisModel == true ? earlier?.session : nil

    let template = try template(tokenizer, engine.model, earlier: own)
    let conversation = try makeConversation(engine, template, earlier: own)
    if input != nil, !command.stats { try conversation.settings.set(.stats, to: "off") }

    let repl = Repl(
      conversation: conversation, prompts: library, output: output, interrupt: interruptFlag)
    repl.readsAhead = input == nil
    repl.sessions = keeper
    repl.devices = command.engine.device.settings
    for key in Settings.Key.allCases where configuration[.setting(key)] != nil {
      repl.noteOrigins(of: [key], configuration.origin(of: .setting(key)))
    }
    var chat = Chat(repl: repl, prompt: prompt)
    if let earlier {
      chat.loaded = try resume(earlier, in: repl)
    } else if systemText == nil, prompt?.system == nil {
      try applyConfiguredSystem(to: repl, library)
    }
    if let systemText {
      try conversation.setSystem(systemText)
      repl.promptName = nil
    }
    chat.pinned = Set(command.sampling.given.map(\.key))
    noteOrigins(in: repl, earlier: own)
    return chat
  }

  /// An empty chat with the settings asked for.
  private mutating func makeConversation(
    _ engine: Engine, _ template: ChatTemplate, earlier: Session?
  ) throws -> Conversation {
    var settings = Settings(capacity: context(of: engine.model, earlier: earlier))
    configuration.apply(to: &settings)
    try command.sampling.apply(to: &settings)
    do {
      return try Conversation(
        engine: engine, template: template, settings: settings, kvType: kvType(earlier: earlier),
        now: { ContinuousClock.now - Signals.timeStopped })
    } catch let failure as any Failure {
      guard failure.kind == .doesNotFit, command.ctx == nil, earlier == nil,
        configuration[.ctx] != nil
      else { throw failure }
      configuration.leaveOut(.ctx, because: failure.description)
      return try makeConversation(engine, template, earlier: earlier)
    }
  }

  /// Goes on with an earlier chat; what the command line says holds instead of what the chat had.
  private func resume(_ earlier: EarlierChat, in repl: Repl) throws -> String {
    let loaded = try repl.resume(
      earlier.session, from: earlier.path, name: earlier.name, isAutosave: earlier.isAutosave)
    try command.sampling.apply(to: &repl.conversation.settings)
    if command.sampling.seed != nil { repl.conversation.restartSampler() }
    return loaded
  }

  private func applyConfiguredSystem(to repl: Repl, _ library: PromptLibrary) throws {
    switch configuration.told {
    case .system(let text):
      do {
        try repl.conversation.setSystem(text)
        repl.noteOrigin(of: .system, configuration.origin(of: .system))
      } catch let failure as any Failure {
        Report.warning("\(ConfigFile.name): system: \(failure.description); left out")
      }
    case .prompt(let name):
      guard let persona = configuration.persona(name, in: library) else { return }
      try repl.use(persona, pinned: Set(command.sampling.given.map(\.key)), isQuiet: true)
    case nil: break
    }
  }

  // MARK: - What is asked for in several places

  private func context(of model: Model, earlier: Session?) -> Int {
    let made = model.config.contextLength
    let configured = configuration[.ctx].flatMap { Int($0) }
    guard let asked = command.ctx ?? earlier?.settings.capacity ?? configured else {
      return min(made, ChatCommand.defaultContext)
    }
    if asked > made, earlier == nil || command.ctx != nil {
      let place = command.ctx == nil ? configuration.origin(of: .ctx).text + ": ctx" : "--ctx"
      Report.warning("\(place) \(asked) is above the \(made) tokens the model was made for")
    }
    return asked
  }

  private func kvType(earlier: Session?) -> KVType? {
    command.kv ?? earlier?.kvType ?? configuration[.kv].flatMap(KVType.init)
  }

  private mutating func template(
    _ tokenizer: any Tokenizer, _ model: Model, earlier: Session?
  ) throws -> ChatTemplate {
    func make(_ kind: TemplateKind) throws -> ChatTemplate {
      try ChatTemplate(kind: kind, tokenizer: tokenizer, metadata: model.metadata)
    }
    if let asked = command.text.template ?? earlier?.template { return try make(asked) }
    if let kind = configuration[.template].flatMap(TemplateKind.init(name:)) {
      do {
        return try make(kind)
      } catch let failure as any Failure {
        configuration.leaveOut(.template, because: failure.description)
      }
    }
    return try make(ChatTemplate.kind(for: model, vocabulary: tokenizer.vocabulary))
  }

  // MARK: - What `:config` shows

  private func noteOrigins(in repl: Repl, earlier: Session?) {
    repl.noteOrigins(of: command.sampling.given.map(\.key), .commandLine)
    repl.programValues = [
      NamedText("plain", String(screen.isPlain)), NamedText("color", screen.color.rawValue),
      NamedText("history", String(screen.keepsHistory)),
      NamedText("autosave", String(repl.sessions?.autosaves == true)),
    ]
    let given: [(key: ConfigKey, isOnCommandLine: Bool)] = [
      (.threads, command.engine.threads != nil), (.ctx, command.ctx != nil),
      (.kv, command.kv != nil), (.template, command.text.template != nil),
      (.plain, command.plain != nil), (.color, command.color != nil),
      (.history, command.history != nil), (.autosave, command.saved.autosave != nil),
    ]
    for (key, isOnCommandLine) in given {
      let isSaved = earlier != nil && [.ctx, .kv, .template].contains(key)
      let origin: Origin =
        isOnCommandLine ? .commandLine : isSaved ? .savedChat : configuration.origin(of: key)
      repl.noteOrigin(of: key, origin)
    }
    if command.text.system != nil { repl.noteOrigin(of: .system, .commandLine) }
    repl.programFiles = files(of: repl)
  }

  private func files(of repl: Repl) -> [NamedText] {
    let config = configuration.path.map { path in
      path + (access(path, F_OK) == 0 ? "" : " (not there)")
    }
    let saved = repl.sessions.map { "\($0.store.folder), \($0.store.autosaveFolder)" }
    let models = FoundModels.folders(environment: ProcessInfo.processInfo.environment)
    return [
      NamedText("config", config ?? "not read"), NamedText("model file", model),
      NamedText("models", models.joined(separator: ", ")),
      NamedText("prompts", repl.prompts.folders.joined(separator: ", ")),
      NamedText("history", screen.historyPath ?? "not kept"),
      NamedText("chats", saved ?? "not kept"),
    ]
  }
}
