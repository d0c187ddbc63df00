import Inference
import Tokenization

/// How a reply was drawn: enough to draw it again, token by token, whatever became of the chat since.
public struct ReplyRecord: Hashable, Sendable {
  /// What the sampler was before it drew a token.
  public struct Draw: Hashable, Sendable {
    /// The random generator's state.
    public var generatorState: UInt64
    /// The temperature.
    public var temperature: Float
    /// The nucleus mass.
    public var topP: Float
  }

  /// Tokens that came about in one go.
  public struct Stretch: Hashable, Sendable {
    /// The first of them, counted from 0; the number of all when only the end of the reply was drawn.
    public var start: Int
    /// How they were drawn; `nil` when they were given, as by `:amend` and `:alt`.
    public var draw: Draw?
  }

  /// The tokens it was an answer to: system prompt, turns of that time, question.
  public var sharedPrompt: SharedTokens
  /// The tokens of the reply, without the one that ended it.
  public var tokens: [TokenID]
  /// How they came about; the first stretch begins with token 0, each other one after the one before.
  public var stretches: [Stretch]
  /// Why it ended.
  public var ending: TurnStatistics.Ending

  /// The tokens of ``sharedPrompt``.
  public var prompt: [TokenID] {
    get { sharedPrompt.tokens }
    set { sharedPrompt = SharedTokens(newValue) }
  }

  /// How many of the tokens were drawn.
  public var drawnCount: Int {
    let ends = stretches.dropFirst().map(\.start) + [tokens.count]
    return zip(stretches, ends).reduce(0) { $0 + ($1.0.draw == nil ? 0 : $1.1 - $1.0.start) }
  }
}

/// A reply while it is drawn.
struct Drawing {
  /// What the reply consists of so far.
  private(set) var record: ReplyRecord
  /// Whether the last stretch is this drawing's own, and its random numbers go on.
  private var isUnderWay = false

  /// A reply to `prompt` that begins with tokens said before, of which `earlier` may tell how they were drawn.
  ///
  /// - Parameter neighbour: A record whose prompt may be much the same.
  init(
    prompt: some Sequence<TokenID>, said: [TokenID], earlier: ReplyRecord?,
    neighbour: ReplyRecord?
  ) {
    record = ReplyRecord(
      sharedPrompt: SharedTokens(prompt, sharing: neighbour?.sharedPrompt), tokens: said,
      stretches: [], ending: .stopToken)
    var known = 0
    if let earlier, earlier.sharedPrompt == record.sharedPrompt {
      known = zip(earlier.tokens, said).prefix { $0 == $1 }.count
      record.stretches = earlier.stretches.filter { $0.start < known }
    }
    if known < said.count { add(ReplyRecord.Stretch(start: known)) }
  }

  private mutating func add(_ stretch: ReplyRecord.Stretch) {
    if record.stretches.last?.start == stretch.start { record.stretches.removeLast() }
    record.stretches.append(stretch)
  }

  /// Notes with which settings the next token is drawn.
  mutating func note(_ sampler: Sampler) {
    if isUnderWay, let draw = record.stretches.last?.draw, draw.temperature == sampler.temperature,
      draw.topP == sampler.topP
    {
      return
    }
    isUnderWay = true
    let draw = ReplyRecord.Draw(
      generatorState: sampler.generatorState, temperature: sampler.temperature, topP: sampler.topP)
    add(ReplyRecord.Stretch(start: record.tokens.count, draw: draw))
  }

  /// Adds a token that was drawn.
  mutating func append(_ token: TokenID) { record.tokens.append(token) }

  /// The finished record.
  func finished(_ ending: TurnStatistics.Ending) -> ReplyRecord {
    var finished = record
    finished.ending = ending
    return finished
  }
}
