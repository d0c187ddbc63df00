import Inference
import Tokenization

/// How a reply was drawn: enough to draw it again, token by token, whatever became of the chat since.
public struct ReplyRecord: Hashable, Sendable {
  /// The tokens it was an answer to: system prompt, turns of that time, question.
  public var prompt: [TokenID]
  /// The tokens of the reply, without the one that ended it.
  public var tokens: [TokenID]
  /// The random generator's state before the first of them.
  public var generatorState: UInt64
  /// The temperature of all of them.
  public var temperature: Float
  /// The nucleus mass of all of them.
  public var topP: Float
  /// Why it ended.
  public var ending: TurnStatistics.Ending
}

/// A reply while it is drawn.
struct Drawing {
  let prompt: [TokenID]
  var tokens: [TokenID] = []
  private let generatorState: UInt64
  private var settings: (temperature: Float, topP: Float)?
  /// Whether all tokens were drawn with the same settings.
  private var isSteady = true

  /// `sampler` is that of before the first token.
  init(prompt: [TokenID], sampler: Sampler) {
    self.prompt = prompt
    generatorState = sampler.generatorState
  }

  /// Notes with which settings a token was drawn.
  mutating func note(_ sampler: Sampler) {
    if let settings {
      isSteady = isSteady && settings == (sampler.temperature, sampler.topP)
    } else {
      settings = (sampler.temperature, sampler.topP)
    }
  }

  /// The finished record; `nil` when settings were turned meanwhile.
  func record(ending: TurnStatistics.Ending) -> ReplyRecord? {
    guard isSteady, let settings else { return nil }
    return ReplyRecord(
      prompt: prompt, tokens: tokens, generatorState: generatorState,
      temperature: settings.temperature, topP: settings.topP, ending: ending)
  }
}
