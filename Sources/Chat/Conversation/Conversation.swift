import Inference
import ModelFile
import Tokenization

/// A chat with a model: a system prompt, turns as text, and the KV cache that holds what was read.
///
/// The turns are the truth. Before every reply they are laid out and encoded anew, exactly as for a fresh
/// chat, and the longest run of tokens the cache already holds is kept. So a reply never depends on how
/// the chat came about (undone, stopped, regenerated turns), and yet only what is new is read.
public final class Conversation {
  /// The model and its threads.
  public let engine: Engine
  /// How turns become tokens.
  public let template: ChatTemplate
  /// What has been read.
  public internal(set) var cache: KVCache
  /// What the user can turn; changes act from the next token.
  public var settings: Settings

  /// The system prompt; `nil` when none is given.
  public private(set) var system: String? { didSet { encodedLength = nil } }
  /// Completed turns, oldest first.
  public internal(set) var turns: [Turn] = [] { didSet { encodedLength = nil } }
  /// How many turns were left out because the context was full; the next one's number follows.
  public var droppedTurns: Int { leftOutTurns.count }
  /// Tells chats that took the place of others from those: a line that was left may be of an earlier one.
  public internal(set) var chatNumber = 0
  /// Lines of the chat that were left for another, oldest first; see ``Branch``.
  public internal(set) var branches: [Branch] = []
  /// The turns that were left out, oldest first: no longer told to the model, but not lost.
  public internal(set) var leftOutTurns: [Turn] = []
  /// Tokens read per second when a prompt was last read.
  public internal(set) var readingSpeed: Double?
  /// What can be turned while the model reads or talks; `nil` when nobody is there to do it.
  public var knobs: (any Knobs)?
  /// What is being read while the user types.
  var readAhead: ReadAhead?
  /// From which position on the cache holds what was read so, since the last reply.
  var readAheadStart: Int?
  /// The message whose reading was stopped, until one is read whole.
  var stoppedQuestion: String?
  /// What there was to choose from at each token of the last reply that was made.
  var choices: [TokenChoice] = []

  var sampler: Sampler
  let now: () -> ContinuousClock.Instant
  /// The line that ``clear()`` left, until the next reply.
  var cleared: Branch?
  private var encodedLength: Int?

  /// Starts an empty chat.
  ///
  /// - Parameters:
  ///   - settings: Their capacity is the context's size.
  ///   - kvType: How keys and values are kept; by default what suits the model's weights.
  ///   - now: The clock, for tests.
  /// - Throws: ``InferenceError`` when the cache does not fit into memory, ``ChatError`` for the system
  ///   prompt.
  public init(
    engine: Engine, template: ChatTemplate, settings: Settings, kvType: KVType? = nil,
    system: String? = nil, now: @escaping () -> ContinuousClock.Instant = { ContinuousClock.now }
  ) throws {
    self.engine = engine
    self.template = template
    self.settings = settings
    self.now = now
    cache = try engine.makeCache(
      capacity: settings.capacity,
      type: kvType ?? .automatic(for: engine.model.checkpoint.format))
    sampler = Sampler(
      temperature: settings.temperature, topP: settings.topP, seed: settings.seed)
    if let system { try setSystem(system) }
  }

  /// The context's size in tokens.
  public var capacity: Int { cache.capacity }

  /// Tokens the system prompt and the turns take.
  public var used: Int {
    if let encodedLength { return encodedLength }
    let length =
      turns.isEmpty
      ? template.systemLength(system) : template.encode(system: system, turns: turns).count
    encodedLength = length
    return length
  }

  /// Starts the random generator again at the `seed` setting.
  public func restartSampler() {
    sampler.reseed(settings.seed)
  }

  /// Changes the system prompt; turns stay.
  ///
  /// - Parameter text: `nil` takes it away; the template may then have a default of its own.
  /// - Throws: ``ChatError`` when it spells control tags or takes more than half of the context.
  public func setSystem(_ text: String?) throws {
    if let text { try refuseControlTags(in: text) }
    let length = template.systemLength(text)
    guard text == nil || length <= capacity / 2 else {
      throw ChatError.systemTooLong(tokens: length, capacity: capacity)
    }
    system = text
  }

  /// Tokens the next message makes the model read besides itself: what of the chat is not in the cache.
  public var pendingTokens: Int { unreadTokens(of: turns) }

  /// Forgets all turns; ``undo(_:)`` brings them back until the next reply.
  ///
  /// - Returns: How many turns, and their tokens.
  @discardableResult
  public func clear() -> (turns: Int, tokens: Int) {
    guard !turns.isEmpty else { return (0, 0) }
    let result = (turns.count, used - template.systemLength(system))
    let before = line
    cleared = before
    turns = []
    leftOutTurns = []
    beginChat()
    keep(before)
    return result
  }

  /// What ``undo(_:)`` did.
  public enum Undone: Hashable, Sendable {
    /// Took back turns: their numbers and tokens, and the first one's question.
    case turns(ClosedRange<Int>, tokens: Int, question: String)
    /// Brought back that many cleared turns.
    case clear(turns: Int)
  }

  /// Takes back the last turns, or a ``clear()``; costs nothing.
  ///
  /// - Throws: ``ChatError/nothingToUndo(asked:turns:)``.
  public func undo(_ count: Int = 1) throws -> Undone {
    if turns.isEmpty, count == 1, let cleared {
      enter(cleared)
      forgetBeginnings()
      return .clear(turns: turns.count)
    }
    guard count >= 1, count <= turns.count else {
      throw ChatError.nothingToUndo(asked: count, turns: turns.count)
    }
    let before = used
    let left = line
    let last = droppedTurns + turns.count
    let question = turns[turns.count - count].question
    turns.removeLast(count)
    keep(left)
    return .turns(last - count + 1...last, tokens: before - used, question: question)
  }

  /// Completes a turn: the history it was answered from, and itself.
  func append(_ turn: Turn, to history: [Turn], dropping count: Int) {
    cleared = nil
    leftOutTurns += turns.prefix(count)
    turns = history + [turn]
  }

  /// What comes now is of no chat there is a line of.
  private func beginChat() {
    chatNumber = branches.reduce(chatNumber) { max($0, $1.chatNumber) } + 1
  }

  /// Puts another chat in the place of this one, whose line is kept.
  func replaceTurns(_ turns: [Turn], leftOut: [Turn]) {
    let left = line
    cleared = nil
    leftOutTurns = leftOut
    self.turns = turns
    beginChat()
    keep(left)
  }

  func refuseControlTags(in text: String) throws {
    guard !settings.allowsTags, let tag = template.controlTag(in: text) else { return }
    throw ChatError.controlTag(tag)
  }
}
