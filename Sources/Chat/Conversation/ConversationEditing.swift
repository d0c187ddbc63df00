import Inference
import Tokenization

/// Changes of what was said. They cost nothing by themselves: the next reply keeps what the cache holds
/// up to the first change and reads the rest.
extension Conversation {
  /// The numbers of the turns; `nil` without any.
  public var turnNumbers: ClosedRange<Int>? {
    turns.isEmpty ? nil : droppedTurns + 1...droppedTurns + turns.count
  }

  /// Where the turn of that number is.
  ///
  /// - Throws: ``ChatError/noTurn(asked:turns:)``.
  public func index(ofTurn number: Int) throws -> Int {
    guard let numbers = turnNumbers, numbers.contains(number) else {
      throw ChatError.noTurn(asked: number, turns: turnNumbers)
    }
    return number - numbers.lowerBound
  }

  /// Tokens of the system prompt and these turns that are not in the cache.
  public func unreadTokens(of turns: some Collection<Turn>) -> Int {
    guard turns.isEmpty else {
      let tokens = template.encode(system: system, turns: Array(turns))
      return tokens.count - cache.commonPrefix(with: tokens)
    }
    // A template may have a system prompt only together with a question.
    let tokens = template.encode(system: system, turns: [], pending: "x")
    return max(0, template.systemLength(system) - cache.commonPrefix(with: tokens))
  }

  /// Takes turns out of the middle; the later ones move up.
  ///
  /// - Returns: How many tokens shorter the chat is.
  /// - Throws: ``ChatError/noTurn(asked:turns:)``.
  @discardableResult
  public func drop(_ numbers: ClosedRange<Int>) throws -> Int {
    let first = try index(ofTurn: numbers.lowerBound)
    let last = try index(ofTurn: numbers.upperBound)
    let before = used
    let left = line
    turns.removeSubrange(first...last)
    keep(left)
    return before - used
  }

  /// Puts other words into the last reply.
  ///
  /// - Throws: ``ChatError`` when there is none, or the text spells control tags.
  public func amend(_ answer: String) throws {
    guard let last = turns.last else { throw ChatError.noTurn(asked: 1, turns: nil) }
    try refuseControlTags(in: answer)
    guard answer != last.answer else { return }
    let left = line
    turns[turns.count - 1] = Turn(question: last.question, answer: answer)
    keep(left)
  }

  /// Tokens of the last turn's reply, and whether it can go on.
  private func lastReply() throws -> (turn: Turn, tokens: [TokenID]) {
    guard let turn = turns.last else { throw ChatError.noTurn(asked: 1, turns: nil) }
    guard let reply = turn.reply else { return (turn, template.tokenizer.encode(turn.answer)) }
    guard reply.isCut else { throw ChatError.replyIsWhole }
    return (turn, reply.tokens)
  }

  /// What going on with the last reply must read: tokens of the chat and the reply not in the cache.
  ///
  /// - Throws: ``ChatError`` when there is nothing to go on with.
  public func tokensToContinue() throws -> Int {
    let (turn, said) = try lastReply()
    return unreadTokens(upTo: turn, saying: said)
  }

  /// What another reply to the last question must read: tokens not in the cache.
  public var tokensToRegenerate: Int { turns.last.map { unreadTokens(upTo: $0, saying: []) } ?? 0 }

  private func unreadTokens(upTo turn: Turn, saying said: [TokenID]) -> Int {
    let prompt = template.encode(
      system: system, turns: turns.dropLast(), pending: turn.question)
    return (prompt + said).count - cache.commonPrefix(with: prompt + said)
  }

  /// Asks a turn's question in other words; its answer and all later turns are replaced.
  ///
  /// - Throws: As ``reply(to:interrupt:onEvent:)``; nothing has changed then.
  public func reply(
    to question: String, insteadOfTurn number: Int, interrupt: InterruptFlag,
    onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    let index = try index(ofTurn: number)
    let request = ReplyRequest(
      question: question, history: Array(turns[..<index]), replaces: true)
    return try answer(request, interrupt: interrupt, onEvent: onEvent)
  }

  /// Goes on with a reply that was cut, as if it had not been: same tokens, same cache.
  ///
  /// - Throws: ``ChatError/replyIsWhole``, and as ``reply(to:interrupt:onEvent:)``; the reply is then as
  ///   before.
  public func continueReply(
    interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    let (turn, said) = try lastReply()
    let request = ReplyRequest(
      question: turn.question, history: turns.dropLast(), said: said, choices: lastChoices,
      record: turn.record)
    return try answer(request, interrupt: interrupt, onEvent: onEvent)
  }
}
