import Tokenization

/// A reply as the model wrote it, token by token.
///
/// Its text, encoded, need not give these tokens; going on from a cut reply needs the very ones.
public struct Reply: Hashable, Sendable {
  /// The tokens, without the one that ended it.
  public var tokens: [TokenID]
  /// Why it ended.
  public var ending: TurnStatistics.Ending

  /// A reply of these tokens.
  public init(tokens: [TokenID], ending: TurnStatistics.Ending) {
    self.tokens = tokens
    self.ending = ending
  }

  /// Whether the model would have gone on.
  public var isCut: Bool { ending != .stopToken }
}
