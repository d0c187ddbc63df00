import Inference
import ModelFile
import Tokenization

extension Conversation {
  /// Answers a question and makes it a turn, whatever ends the answer.
  ///
  /// - Parameters:
  ///   - interrupt: Stops the reading of the prompt (nothing is added) or the reply (what was said stays).
  ///   - onEvent: Told of dropped turns, of reading, and of the reply's text as it comes.
  /// - Throws: ``ChatError`` when the message cannot be sent, `Interrupted` when it was not fully read,
  ///   `InferenceError` when the numbers are damaged. The turns are then as before, and what was read
  ///   stays in the cache.
  public func reply(
    to question: String, interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    try answer(question, after: turns, interrupt: interrupt, onEvent: onEvent)
  }

  /// Answers the last question again with the next seed; the old answer stays if that fails.
  ///
  /// - Throws: ``ChatError/nothingToRegenerate``, and as ``reply(to:interrupt:onEvent:)``.
  public func regenerate(
    interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    guard let last = turns.last else { throw ChatError.nothingToRegenerate }
    settings.advanceSeed()
    restartSampler()
    return try answer(
      last.question, after: turns.dropLast(), interrupt: interrupt, onEvent: onEvent)
  }

  private func answer(
    _ question: String, after history: [Turn], interrupt: InterruptFlag,
    onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    let start = now()
    try engine.model.checkpoint.checkUnchanged()
    try refuseControlTags(in: question)
    let plan = try plan(question, after: history)

    // The last token is always read: its logits are the first of the reply.
    let cached = min(cache.commonPrefix(with: plan.prompt), plan.prompt.count - 1)
    let read = plan.prompt.count - cached
    if plan.dropped > 0 {
      let first = droppedTurns + 1
      onEvent(
        .dropped(
          turns: first...(first + plan.dropped - 1), tokens: plan.droppedTokens, rereading: read))
    }
    cache.truncate(to: cached)
    onEvent(.reading(done: 0, total: read))
    let logits = try engine.forward(plan.prompt[cached...], cache: cache, interrupt: interrupt) {
      onEvent(.reading(done: $0, total: read))
    }
    if interrupt.isRaised { throw Interrupted() }

    var statistics = TurnStatistics(
      read: read, cached: cached, bytesPerToken: engine.model.bytesPerToken,
      contextCapacity: capacity, threads: engine.threads)
    statistics.prefillSeconds = (now() - start).inSeconds
    readingSpeed = statistics.readPerSecond ?? readingSpeed

    var drawing = Drawing(prompt: plan.prompt, sampler: sampler)
    let text = try generate(
      from: logits, since: start, interrupt: interrupt, statistics: &statistics,
      drawing: &drawing, onText: { onEvent(.text($0)) })
    let turn = Turn(
      question: question, answer: text, record: drawing.record(ending: statistics.ending))
    append(turn, to: plan.history, dropping: plan.dropped)
    statistics.contextUsed = min(used, capacity)
    statistics.threads = engine.threads
    return statistics
  }

  /// Samples and decodes until something ends the reply, and says in `statistics` what.
  private func generate(
    from prompt: UnsafeBufferPointer<Float>, since start: ContinuousClock.Instant,
    interrupt: InterruptFlag, statistics: inout TurnStatistics, drawing: inout Drawing,
    onText: (String) -> Void
  ) throws -> String {
    let vocabularySize = template.tokenizer.vocabulary.count
    var decoder = StreamDecoder(
      tokenizer: template.tokenizer, stripsLeadingSpace: template.stripsLeadingSpace)
    var text = ""
    func say(_ piece: String) {
      guard !piece.isEmpty else { return }
      text += piece
      onText(piece)
    }

    var logits = prompt
    var firstToken: ContinuousClock.Instant?
    generation: while true {
      // Read here each time, so that a change acts from the next token.
      sampler.temperature = settings.temperature
      sampler.topP = settings.topP
      let token = try sampler.sample(
        logits, count: min(vocabularySize, logits.count), position: cache.count)
      if firstToken == nil { firstToken = now() }

      drawing.note(sampler)
      if template.stopTokens.contains(token) {
        statistics.ending = .stopToken
        break generation
      }
      statistics.generated += 1
      drawing.tokens.append(token)
      say(decoder.append(token))

      if settings.maxTokens > 0, statistics.generated >= settings.maxTokens {
        statistics.ending = .limit
        break generation
      }
      if cache.count >= cache.capacity {
        statistics.ending = .contextEnd
        break generation
      }
      do {
        logits = try engine.forward(CollectionOfOne(token), cache: cache, interrupt: interrupt)
        statistics.decodeSteps += 1
      } catch is Interrupted {
        statistics.ending = .interrupted
        break generation
      }
    }
    say(decoder.finish())
    if let firstToken {
      statistics.firstTokenSeconds = (firstToken - start).inSeconds
      statistics.decodeSeconds = (now() - firstToken).inSeconds
    }
    return text
  }
}

extension Conversation {
  /// What will be read for a reply.
  private struct Plan {
    /// The turns kept.
    var history: [Turn]
    /// How many of the oldest were left out, and their tokens.
    var dropped: Int
    var droppedTokens: Int
    /// System prompt, kept turns and question.
    var prompt: [TokenID]
  }

  /// Room kept for a reply: what it may need, 256 tokens at most, a quarter of a small context at most.
  private var preferredReserve: Int {
    let wanted = settings.maxTokens > 0 ? min(settings.maxTokens, 256) : 256
    return max(1, min(wanted, capacity / 4))
  }

  /// Leaves out whole oldest turns until the question and a reply fit; never the system prompt.
  private func plan(_ question: String, after history: [Turn]) throws -> Plan {
    func prompt(_ turns: some Sequence<Turn>) -> [TokenID] {
      template.encode(system: system, turns: Array(turns), pending: question)
    }
    let whole = prompt(history)
    guard !whole.isEmpty else { throw ChatError.emptyMessage }

    var plan = Plan(history: history, dropped: 0, droppedTokens: 0, prompt: whole)
    while plan.prompt.count + preferredReserve > capacity, !plan.history.isEmpty {
      plan.history.removeFirst()
      plan.dropped += 1
      plan.prompt = prompt(plan.history)
    }
    plan.droppedTokens = whole.count - plan.prompt.count

    let leastReserve = min(preferredReserve, 64)
    guard plan.prompt.count + leastReserve <= capacity else {
      throw ChatError.messageTooLong(
        tokens: plan.prompt.count, reserve: leastReserve, capacity: capacity)
    }
    return plan
  }
}
