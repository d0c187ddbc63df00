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
  /// A system prompt takes more than half of the context.
  case systemTooLong(tokens: Int, capacity: Int)
  /// A message without a single token.
  case emptyMessage
  /// There is no reply to make again.
  case nothingToRegenerate
  /// More turns to take back than there are.
  case nothingToUndo(asked: Int, turns: Int)

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
    case .systemTooLong(let tokens, let capacity):
      """
      the system prompt takes \(SizeText.grouped(tokens)) tokens; at most \(SizeText.grouped(capacity / 2)) fit, \
      half of the context
      """
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
    case .missingControlToken: .damagedFile
    case .controlTag, .emptyMessage, .nothingToRegenerate, .nothingToUndo: .usage
    case .messageTooLong, .systemTooLong: .doesNotFit
    }
  }
}
