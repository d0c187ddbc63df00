import Inference
import ModelFile
import OpenCLDevice

/// The loop between a person and a conversation: lines in; replies, confirmations and complaints out.
///
/// Knows no terminal: lines come from a ``LineSource``, words go to a ``ReplOutput``.
public final class Repl {
  /// How lines are taken, and what a failure means.
  public enum Mode: Sendable {
    /// Messages and commands; a failure is reported and the chat goes on.
    case interactive
    /// Messages and commands; the first failure ends it.
    case script
    /// Every line is a message, whatever it looks like; the first failure ends it.
    case messages
  }

  /// What the model is told and what it answered.
  public let conversation: Conversation
  /// Where `:prompt` looks.
  public let prompts: PromptLibrary
  /// Keeps the chat in files; `nil` when there is no place for them.
  public var sessions: SessionKeeper?
  /// What every reply took.
  public private(set) var statistics: [TurnStatistics] = []
  /// The prompt of the library in use; `nil` when the system prompt is another.
  public var promptName: String?
  /// What that prompt changed besides.
  var borrowed: BorrowedSettings?
  /// Hands a text to the user's own editor and returns what was saved; `nil` away from a terminal.
  public var externalEditor: ((String) throws -> String)?

  /// Where the values in use came from.
  public var origins = Origins()
  /// Values the program was started with besides, for `:config`.
  public var programValues: [NamedText] = []
  /// Files and folders in use, for `:config`.
  public var programFiles: [NamedText] = []

  /// What `:device` gives devices besides their number.
  public var devices = DeviceSettings()

  let output: any ReplOutput
  let interrupt: InterruptFlag
  /// Hands a text to the terminal's clipboard; `nil` away from a terminal.
  public var clipboard: ((String) -> Void)?
  /// Whether to read what the next prompt begins with while a line is typed; for a person's lines.
  public var readsAhead = false
  /// Text the editor starts with at the next prompt.
  var prefill: String?
  /// What the next line may be.
  var awaited: Awaited?
  /// Files that go with the next message.
  var attachments: [Attachment] = []
  /// Set to leave the loop.
  var isFinished = false
  /// The last decoding speed with each number of threads tried.
  var speedByThreads: [Int: Double] = [:]
  var mode = Mode.interactive
  /// How many scripts are running inside one another.
  var scriptDepth = 0
  private var hasHinted = false
  private var hasWarnedOfAttachments = false

  /// Prepares a loop.
  ///
  /// - Parameters:
  ///   - interrupt: Raised from outside, on Ctrl-C, to stop a reply; taken back before each.
  public init(
    conversation: Conversation, prompts: PromptLibrary, output: any ReplOutput,
    interrupt: InterruptFlag
  ) {
    self.conversation = conversation
    self.prompts = prompts
    self.output = output
    self.interrupt = interrupt
    noteOrigins(of: Settings.Key.allCases, .standard)
    for key in ConfigKey.all { noteOrigin(of: key, .standard) }
  }

  /// Reads and acts until the input ends or the user leaves.
  ///
  /// - Throws: What the source throws; ``ChatError/modelCutShort``; unless interactive also ``ScriptError``
  ///   for the first failure and `Interrupted` for a stopped reply.
  public func run(_ lines: any LineSource, mode: Mode = .interactive) throws {
    self.mode = mode
    isFinished = false
    defer { keep() }
    try takeAll(from: lines)
  }

  /// Acts on every line of a source.
  func takeAll(from lines: any LineSource) throws {
    while !isFinished {
      switch try nextLine(from: lines) {
      case .endOfInput:
        if mayEnd { return }
      case .interrupted: interrupted()
      case .line(let line): try take(line, from: lines)
      }
    }
  }

  /// Files that were attached and not sent are worth one question.
  private var mayEnd: Bool {
    guard mode == .interactive, !attachments.isEmpty, !hasWarnedOfAttachments else { return true }
    hasWarnedOfAttachments = true
    let names = attachments.map(\.path).joined(separator: ", ")
    output.notice("\(names) not sent yet; Ctrl-D once more leaves")
    return false
  }

  /// The next line; the model reads on until it is complete.
  private func nextLine(from lines: any LineSource) throws -> LineEvent {
    let text = prefill
    prefill = nil
    let status = status
    // While a choice is open, what it is between stays in the cache.
    if isTyped { conversation.startReadingAhead(mayForget: awaited == nil) }
    defer { conversation.stopReadingAhead() }
    return try lines.read(prefill: text, status: status)
  }

  private var isTyped: Bool { readsAhead && mode == .interactive }

  /// When what is not in the cache will be read.
  var whenRead: String {
    isTyped ? "while you type" : "at your next message"
  }

  /// How full the context is, and the settings that matter: `ctx 36% · T0.70 p0.90 · 8t`.
  ///
  /// From four fifths on it warns, in words too.
  public var status: PromptStatus {
    // The markers after a reply that filled the context are not in it.
    let share = min(1, Double(conversation.used) / Double(max(1, conversation.capacity)))
    let settings = conversation.settings
    var parts = [
      "ctx \(percent(share))" + (share == 1 ? " full" : share >= 0.8 ? " nearly full" : ""),
      "T\(settings.text(of: .temp)) p\(settings.text(of: .topp))",
      conversation.engine.usesCPU
        ? "\(conversation.engine.threads)t" : conversation.engine.device,
    ]
    if !attachments.isEmpty { parts.insert(counted(attachments.count, "file"), at: 0) }
    if case .question(let turn) = awaited { parts.insert("editing turn \(turn)", at: 0) }
    return PromptStatus(parts.joined(separator: " · "), warns: share >= 0.8)
  }

  private func take(_ line: String, from lines: any LineSource) throws {
    guard !line.strippedAsInPython.isEmpty else { return leaveEdit() }
    defer { keep() }
    let typed = mode == .messages ? TypedLine.message(line) : TypedLine(line)
    // What a script says for the user is seen like what the user says.
    if scriptDepth > 0, case .message(let text) = typed { output.notice("> \(text)") }
    do {
      switch typed {
      case .message(let text): try take(message: text)
      case .command(let name, let argument):
        leaveEdit()
        try run(name, argument)
        leaveChoice()
      }
    } catch is Interrupted {
      throw Interrupted()
    } catch {
      try report(error, of: typed, at: lines.place)
    }
  }

  private func take(message text: String) throws {
    let expected = awaited
    awaited = nil
    switch expected {
    case .question(let turn): try answer(.edited(text, turn: turn))
    case .choice(let replies):
      if let number = Int(text.strippedAsInPython),
        let reply = replies.element(numbered: number)
      {
        try choose(reply)
      } else {
        try answer(.message(text))
      }
    case nil: try answer(.message(text))
    }
  }

  /// Nothing is sent for a question being edited: it stays as it was.
  private func leaveEdit() {
    guard case .question(let turn) = awaited else { return }
    awaited = nil
    output.notice("turn \(turn) unchanged")
  }

  /// There is no more choice between replies once the chat goes on from something else.
  private func leaveChoice() {
    guard case .choice(let replies) = awaited else { return }
    if !replies.contains(where: { $0 == conversation.turns.last }) { awaited = nil }
  }

  /// Says what went wrong and goes on, or ends a script.
  private func report(_ error: any Error, of typed: TypedLine, at place: String?) throws {
    let failure = error as? any Failure
    var text = failure?.description ?? "\(error)"
    var kind = failure?.kind ?? .running
    if case .command(let typedName, _) = typed, !(error is ScriptError) {
      let name = CommandTable.command(named: typedName)?.name ?? typedName
      let isOwn = failure?.place == name || failure?.place == ":" + name
      text = ":\(name): " + (isOwn ? failure?.reason ?? text : text)
      kind = .usage
    }
    guard mode == .interactive else { throw ScriptError(place: place, reason: text, kind: kind) }
    // Whether this or a lost page is noticed first is chance; both end the chat, with the same words.
    guard !conversation.engine.model.checkpoint.isCutShort else { throw ChatError.modelCutShort }
    output.problem(text)
  }

  /// Keeps the chat as it is now, where that is wanted.
  func keep() { sessions?.autosave(conversation, promptName: promptName) }

  /// Ctrl-C at the prompt.
  private func interrupted() {
    if case .question = awaited { return leaveEdit() }
    guard !hasHinted else { return }
    hasHinted = true
    output.notice("Ctrl-C stops a reply; Ctrl-D or :quit leaves")
  }

  /// Keeps what a reply took.
  func record(_ turn: TurnStatistics) {
    statistics.append(turn)
    if turn.device == "cpu", turn.changes.isEmpty, let speed = turn.tokensPerSecond {
      speedByThreads[turn.threads] = speed
    }
  }
}
