import ModelFile

/// What can go wrong between a typed line and token ids; nothing was changed when it is thrown.
public enum ChatError: Failure, Hashable {
  /// The vocabulary lacks a token the template is made of.
  case missingControlToken(name: String, template: String)
  /// A message or a system prompt spells a tag of the Llama-2 template.
  case controlTag(String)
  /// A message does not fit, even alone: its tokens with the template and the system prompt, and the
  /// room kept for a reply.
  case messageTooLong(tokens: Int, reserve: Int, capacity: Int)
  /// A message does not fit behind the turns there are, and none are to be left out: the tokens with a
  /// reply's, and the oldest turn's number.
  case contextFull(needed: Int, capacity: Int, oldest: Int)
  /// A system prompt takes more than half of the context.
  case systemTooLong(tokens: Int, capacity: Int)
  /// A message without a single token.
  case emptyMessage
  /// There is no reply to make again.
  case nothingToRegenerate
  /// More turns to take back than there are.
  case nothingToUndo(asked: Int, turns: Int)
  /// No turn has that number; those there are, `nil` without any.
  case noTurn(asked: Int, turns: ClosedRange<Int>?)
  /// No kept alternative has that number.
  case noBranch(asked: Int, count: Int)
  /// The last reply was not cut: the model ended it.
  case replyIsWhole
  /// The alternatives of the last reply are not known: it was made too long ago, or not by the model.
  case noAlternatives
  /// The last reply has no token of that number.
  case noToken(asked: Int, count: Int)
  /// A token has no alternative of that number.
  case noAlternative(asked: Int, count: Int)
  /// The alternative would end the reply.
  case alternativeEnds
  /// A turn to go on with takes so many tokens that its reply has no room to grow.
  case replyTooLong(tokens: Int, reserve: Int, capacity: Int)
  /// Pages of the model are gone: nothing can be computed any more.
  case modelCutShort

  /// No file: the reason says it all.
  public var place: String? { nil }

  /// See ``Failure/reason``.
  public var reason: String {
    switch self {
    case .missingControlToken(let name, let template):
      "the vocabulary has no control token \(name); the \(template) template needs it"
    case .controlTag(let tag):
      "contains \"\(tag)\", a Llama-2 control tag; edit it or :set tags allow"
    case .messageTooLong(let tokens, let reserve, let capacity):
      """
      message too long: needs \(SizeText.grouped(tokens)) tokens and \(SizeText.grouped(reserve)) for the reply; \
      the context has \(SizeText.grouped(capacity))
      """
    case .contextFull(let needed, let capacity, let oldest):
      """
      context full: need \(SizeText.grouped(needed)) tokens, have \(SizeText.grouped(capacity)) \
      — :drop \(oldest), :clear, shorten it, or :overflow drop
      """
    case .systemTooLong(let tokens, let capacity):
      """
      the system prompt takes \(SizeText.grouped(tokens)) tokens; at most \(SizeText.grouped(capacity / 2)) fit, \
      half of the context
      """
    case .noTurn(_, nil):
      "no turns yet"
    case .noTurn(let asked, let turns?):
      turns.count == 1
        ? "no turn \(asked); there is only turn \(turns.lowerBound)"
        : "no turn \(asked); there are \(turns.lowerBound)…\(turns.upperBound)"
    case .noBranch(let asked, let count):
      count == 0
        ? "nothing is kept yet; :edit, :regen, :undo and :drop keep what they replace"
        : "must be 1…\(count), got \(asked)"
    case .replyIsWhole:
      "the last reply ended by itself; :regen makes another, :amend changes it"
    case .noAlternatives:
      "not known for the last reply; they are for one just made: :regen makes another"
    case .noToken(let asked, let count):
      "the last reply has tokens 1…\(count), got \(asked)"
    case .noAlternative(let asked, let count):
      "must be one of 1…\(count), got \(asked)"
    case .alternativeEnds:
      "that token ends the reply; nothing would follow"
    case .replyTooLong(let tokens, let reserve, let capacity):
      """
      no room to go on: the turn takes \(SizeText.grouped(tokens)) tokens, at least \(SizeText.grouped(reserve)) \
      more are needed, the context has \(SizeText.grouped(capacity))
      """
    case .modelCutShort:
      "the model file became unreadable while in use (cut short, or a disk error)"
    case .emptyMessage:
      "the message is empty"
    case .nothingToRegenerate:
      "no reply to make again yet"
    case .nothingToUndo(let asked, let turns):
      turns == 0 ? "nothing to undo" : "must be 1…\(turns) turns, got \(asked)"
    }
  }

  /// See ``Failure/kind``.
  public var kind: FailureKind {
    switch self {
    case .missingControlToken, .modelCutShort: .damagedFile
    case .controlTag, .emptyMessage, .nothingToRegenerate, .nothingToUndo, .noTurn, .noBranch,
      .replyIsWhole, .noAlternatives, .noToken, .noAlternative, .alternativeEnds:
      .usage
    case .messageTooLong, .contextFull, .systemTooLong, .replyTooLong: .doesNotFit
    }
  }
}
