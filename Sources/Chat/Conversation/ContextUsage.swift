import ModelFile
import Tokenization

/// How the context is used, in tokens.
public struct ContextUsage: Hashable, Sendable {
  /// One turn's share.
  public struct TurnUsage: Hashable, Sendable {
    /// The turn's number, counted from the start of the chat.
    public var number: Int
    /// Tokens of the question with its markers.
    public var question: Int
    /// Tokens of the answer with its markers.
    public var answer: Int
    /// Both.
    public var tokens: Int { question + answer }
  }
  /// Tokens of the system prompt.
  public var system: Int
  /// Each turn's tokens.
  public var turns: [TurnUsage]
  /// Tokens the context holds.
  public var capacity: Int

  /// Tokens in use.
  public var used: Int { turns.reduce(system) { $0 + $1.tokens } }
}

extension Conversation {
  /// Each turn's tokens, for people to see.
  ///
  /// Encodes every turn once: the time grows with the chat's length, not with its square.
  public var usage: ContextUsage {
    let lengths = template.turnLengths(system: system, turns: turns)
    return ContextUsage(
      system: template.systemLength(system),
      turns: zip((droppedTurns + 1)..., lengths).map {
        .init(number: $0, question: $1.question, answer: $1.answer)
      },
      capacity: capacity)
  }
}

extension ChatTemplate {
  /// How many tokens each turn's question and answer take, with what the template puts around them.
  func turnLengths(system: String?, turns: [Turn]) -> [(question: Int, answer: Int)] {
    if kind == .none { return runningTextLengths(system: system, turns: turns) }
    // Every turn reads the same wherever it is, but for the first of Llama-2, which has the system prompt in it.
    let later = kind == .llama2 ? nil : ""
    let (firstBefore, laterBefore) = (systemLength(system), systemLength(later))
    return turns.enumerated().map { index, turn in
      let (system, before) = index == 0 ? (system, firstBefore) : (later, laterBefore)
      let asked = encode(system: system, turns: [], pending: turn.question).count
      let answered = encode(system: system, turns: [turn]).count
      return (asked - before, answered - asked)
    }
  }

  /// A base model's text is encoded as one: each token counts for the turn in which it begins.
  private func runningTextLengths(
    system: String?, turns: [Turn]
  ) -> [(question: Int, answer: Int)] {
    guard !turns.isEmpty else { return [] }
    let tokens = encode(system: system, turns: turns)
    // Where each part of the text ends, in bytes; a line break goes with what comes after it.
    var ends = [system?.utf8.count ?? 0]
    for (index, turn) in turns.enumerated() {
      let lineBreak = index > 0 || system != nil ? 1 : 0
      for bytes in [lineBreak + turn.question.utf8.count, turn.answer.utf8.count] {
        ends.append((ends.last ?? 0) + bytes)
      }
    }
    let spoken = tokens.map { tokenizer.bytes(of: $0).count }
    // SentencePiece puts a space before the text.
    var end = (ends.last ?? 0) - spoken.reduce(0, +)
    var counts = [Int](repeating: 0, count: ends.count)
    var part = 0
    for bytes in spoken {
      while part + 1 < ends.count, end >= ends[part] { part += 1 }
      counts[part] += 1
      end += bytes
    }
    // What :ctx calls the system prompt is its length alone; a token across the seam is the question's.
    counts[1] += counts[0] - systemLength(system)
    return turns.indices.map { (counts[1 + 2 * $0], counts[2 + 2 * $0]) }
  }
}
