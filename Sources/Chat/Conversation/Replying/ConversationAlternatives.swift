import Inference

extension Conversation {
  /// What there was to choose from at each token of the last turn's reply, and last at its end when the
  /// model ended it; empty when that is not known any more.
  public var lastChoices: [TokenChoice] {
    guard let reply = turns.last?.reply,
      choices.count == reply.tokens.count + (reply.isCut ? 0 : 1),
      zip(reply.tokens, choices).allSatisfy({ $0 == $1.taken.token })
    else { return [] }
    return choices
  }

  /// One of the alternatives at a place of the last reply; both count from 1.
  ///
  /// - Throws: ``ChatError`` naming what there is.
  private func alternative(at place: Int, _ number: Int) throws -> Alternative {
    let known = lastChoices
    guard !known.isEmpty else { throw ChatError.noAlternatives }
    guard let best = known.element(numbered: place)?.best else {
      throw ChatError.noToken(asked: place, count: known.count)
    }
    guard let found = best.element(numbered: number) else {
      throw ChatError.noAlternative(asked: number, count: best.count)
    }
    guard !template.stopTokens.contains(found.token) else { throw ChatError.alternativeEnds }
    return found
  }

  /// Takes another token at a place of the last reply and goes on from there.
  ///
  /// - Parameters:
  ///   - place: The token's place in the reply, from 1.
  ///   - number: The alternative's number among the likeliest, from 1.
  /// - Throws: ``ChatError`` for numbers out of range, and as ``reply(to:interrupt:onEvent:)``; the old
  ///   reply stays then.
  public func reply(
    withToken place: Int, alternative number: Int, interrupt: InterruptFlag,
    onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    let found = try alternative(at: place, number)
    guard let turn = turns.last, let reply = turn.reply else { throw ChatError.noAlternatives }
    var known = Array(lastChoices[..<place])
    known[place - 1].taken = found
    let request = ReplyRequest(
      question: turn.question, history: turns.dropLast(),
      said: reply.tokens.prefix(place - 1) + [found.token], choices: known, record: turn.record,
      repeats: true, replaces: true)
    return try answer(request, interrupt: interrupt, onEvent: onEvent)
  }
}
