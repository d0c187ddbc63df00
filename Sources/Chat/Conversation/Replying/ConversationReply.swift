import Inference
import ModelFile
import Tokenization

/// What a reply starts from.
struct ReplyRequest {
  /// What it answers.
  var question: String
  /// The turns before.
  var history: [Turn]
  /// Tokens it begins with, said before.
  var said: [TokenID] = []
  /// What there was to choose from at those, as far as is known.
  var choices: [TokenChoice] = []
  /// How those were drawn, as far as they are the tokens of this record.
  var record: ReplyRecord?
  /// Whether those are to be shown again.
  var repeats = false
  /// Whether turns or replies that had been there are lost by it.
  var replaces = false
}

extension Conversation {
  /// Answers a question and makes it a turn, whatever ends the answer.
  ///
  /// - Parameters:
  ///   - interrupt: Stops the reading of the prompt (nothing is added) or the reply (what was said stays).
  ///   - onEvent: Told of dropped turns, of reading, and of the reply's text as it comes.
  /// - Throws: ``ChatError`` when the message cannot be sent, `Interrupted` when it was not fully read,
  ///   `InferenceError` when the numbers are damaged or memory is short. The turns are then as before, and what was read
  ///   stays in the cache.
  public func reply(
    to question: String, interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    try answer(
      ReplyRequest(question: question, history: turns), interrupt: interrupt, onEvent: onEvent)
  }

  /// Answers the last question again with the next seed; if that fails, answer and seed stay.
  ///
  /// - Throws: ``ChatError/nothingToRegenerate``, and as ``reply(to:interrupt:onEvent:)``.
  public func regenerate(
    interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    guard let last = turns.last else { throw ChatError.nothingToRegenerate }
    let before = (seed: settings.seed, sampler: sampler)
    settings.advanceSeed()
    restartSampler()
    do {
      let request = ReplyRequest(
        question: last.question, history: turns.dropLast(), replaces: true)
      return try answer(request, interrupt: interrupt, onEvent: onEvent)
    } catch {
      settings.restoreSeed(before.seed)
      sampler = before.sampler
      throw error
    }
  }

  /// Has the model answer a request, which becomes the last turn.
  func answer(
    _ request: ReplyRequest, interrupt: InterruptFlag, onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> TurnStatistics {
    stopReadingAhead()
    let start = now()
    try engine.model.checkpoint.checkUnchanged()
    try refuseControlTags(in: request.question)
    let plan = try plan(request)

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
    let aheadStart = readAheadStart
    readAheadStart = nil
    var changes: [KnobChange] = []
    stoppedQuestion = request.question
    let logits = try readPrompt(
      plan.prompt[cached...], changes: &changes, interrupt: interrupt, onEvent: onEvent)
    if interrupt.isRaised { throw Interrupted() }
    stoppedQuestion = nil

    var statistics = TurnStatistics(
      read: read, cached: cached, bytesPerToken: engine.bytesPerToken,
      contextCapacity: capacity, threads: engine.threads)
    statistics.changes = changes
    statistics.noteReadAhead(from: aheadStart)
    statistics.prefillSeconds = (now() - start).inSeconds
    readingSpeed = statistics.readPerSecond ?? readingSpeed

    var drawing = Drawing(
      prompt: plan.prompt.dropLast(request.said.count), said: request.said, earlier: request.record,
      neighbour: turns.last?.record)
    let turn = try generate(
      request, from: logits, since: start, interrupt: interrupt, statistics: &statistics,
      drawing: &drawing, onEvent: onEvent)
    let left = line
    append(turn, to: plan.history, dropping: plan.dropped)
    if request.replaces { keep(left) }
    statistics.contextUsed = min(used, capacity)
    statistics.threads = engine.threads
    statistics.device = engine.device
    return statistics
  }

  /// Reads a prompt as far as the cache does not hold it, in the largest batches there are; between two of
  /// them knobs are turned.
  private func readPrompt(
    _ prompt: ArraySlice<TokenID>, changes: inout [KnobChange], interrupt: InterruptFlag,
    onEvent: @escaping (ReplyEvent) -> Void
  ) throws -> UnsafeBufferPointer<Float> {
    onEvent(.reading(done: 0, total: prompt.count))
    var turns: [KnobTurn] = []
    var rest = prompt
    while true {
      let batch = rest.prefix(engine.maximumBatch)
      let before = rest.startIndex - prompt.startIndex
      let logits = try engine.forward(batch, cache: cache, interrupt: interrupt) { [knobs] done in
        onEvent(.reading(done: before + done, total: prompt.count))
        turns += knobs?.takeTurns() ?? []
        if turns.contains(.stop) { interrupt.raise() }
      }
      turn(turns, before: 1, changes: &changes, interrupt: interrupt, onEvent: onEvent)
      turns = []
      rest = rest.dropFirst(batch.count)
      if rest.isEmpty { return logits }
    }
  }

  private func turn(
    _ turns: [KnobTurn], before token: Int, changes: inout [KnobChange], interrupt: InterruptFlag,
    onEvent: (ReplyEvent) -> Void
  ) {
    for change in turnKnobs(turns, before: token, interrupt: interrupt) {
      changes.note(change)
      onEvent(.turned(change))
    }
  }

  /// Samples and decodes until something ends the reply, and says in `statistics` what.
  private func generate(
    _ request: ReplyRequest, from prompt: UnsafeBufferPointer<Float>,
    since start: ContinuousClock.Instant, interrupt: InterruptFlag,
    statistics: inout TurnStatistics, drawing: inout Drawing, onEvent: (ReplyEvent) -> Void
  ) throws -> Turn {
    let vocabularySize = template.tokenizer.vocabulary.count
    var decoder = StreamDecoder(
      tokenizer: template.tokenizer, stripsLeadingSpace: template.stripsLeadingSpace)
    var tokens = request.said
    // What was said before is not said again, but a character may have been cut in two.
    var text = tokens.map { decoder.append($0) }.joined()
    var choices = request.choices
    if request.repeats, !text.isEmpty { onEvent(.text(text)) }
    func say(_ piece: String) {
      guard !piece.isEmpty else { return }
      text += piece
      onEvent(.text(piece))
    }

    var logits = prompt
    var firstToken: ContinuousClock.Instant?
    generation: while true {
      turn(
        knobs?.takeTurns() ?? [], before: tokens.count + 1, changes: &statistics.changes,
        interrupt: interrupt, onEvent: onEvent)
      // Read here each time, so that a change acts from the next token.
      sampler.temperature = settings.temperature
      sampler.topP = settings.topP
      drawing.note(sampler)
      let token = try sampler.sample(
        logits, count: min(vocabularySize, logits.count), position: cache.count)
      if firstToken == nil { firstToken = now() }
      if choices.count == tokens.count,
        let choice = TokenChoice(token, of: logits, vocabularySize: vocabularySize)
      {
        choices.append(choice)
      }

      if template.stopTokens.contains(token) {
        statistics.ending = .stopToken
        break generation
      }
      statistics.generated += 1
      tokens.append(token)
      drawing.append(token)
      say(decoder.append(token))

      if let limit = limit(after: statistics.generated) {
        statistics.ending = limit
        break generation
      }
      do {
        logits = try engine.forward(CollectionOfOne(token), cache: cache, interrupt: interrupt)
        statistics.decodeSteps += 1
        statistics.cacheBytes += cache.bytesRead(at: cache.count)
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
    self.choices = choices
    return Turn(
      question: request.question, answer: text,
      reply: Reply(tokens: tokens, ending: statistics.ending),
      record: drawing.finished(statistics.ending))
  }
}

extension Conversation {
  /// What ends a reply of so many tokens, whatever the model would say.
  private func limit(after generated: Int) -> TurnStatistics.Ending? {
    if settings.maxTokens > 0, generated >= settings.maxTokens { return .limit }
    return cache.count >= cache.capacity ? .contextEnd : nil
  }

  /// What will be read for a reply.
  private struct Plan {
    /// The turns kept.
    var history: [Turn]
    /// How many of the oldest were left out, and their tokens.
    var dropped: Int
    var droppedTokens: Int
    /// System prompt, kept turns, question, and what the reply begins with.
    var prompt: [TokenID]
  }

  /// Room kept for a reply: what it may need, 256 tokens at most, a quarter of a small context at most.
  var preferredReserve: Int {
    let wanted = settings.maxTokens > 0 ? min(settings.maxTokens, 256) : 256
    return max(1, min(wanted, capacity / 4))
  }

  /// The least room for a reply without which a message is not sent.
  var leastReserve: Int { min(preferredReserve, 64) }

  /// Leaves out whole oldest turns until the question and a reply fit, where the user wants that; never the
  /// system prompt.
  private func plan(_ request: ReplyRequest) throws -> Plan {
    func prompt(_ turns: [Turn]) -> [TokenID] {
      template.encode(system: system, turns: turns, pending: request.question) + request.said
    }
    let history = request.history
    let whole = prompt(history)
    guard !whole.isEmpty else { throw ChatError.emptyMessage }

    var plan = Plan(history: history, dropped: 0, droppedTokens: 0, prompt: whole)
    // By halves, as a long chat takes long to encode: the fewest turns without which the rest fits, or all.
    if whole.count + preferredReserve > capacity, !history.isEmpty {
      var (tooFew, enough) = (0, history.count)
      while enough - tooFew > 1 {
        let middle = (tooFew + enough) / 2
        let fits = prompt(Array(history.dropFirst(middle))).count + preferredReserve <= capacity
        if fits { enough = middle } else { tooFew = middle }
      }
      plan.history = Array(history.dropFirst(enough))
      plan.dropped = enough
      plan.prompt = prompt(plan.history)
    }
    plan.droppedTokens = whole.count - plan.prompt.count

    guard plan.prompt.count + leastReserve <= capacity else {
      guard request.said.isEmpty else {
        throw ChatError.replyTooLong(
          tokens: plan.prompt.count, reserve: leastReserve, capacity: capacity)
      }
      throw ChatError.messageTooLong(
        tokens: plan.prompt.count, reserve: leastReserve, capacity: capacity)
    }
    guard plan.dropped == 0 || settings.overflow == .drop else {
      throw ChatError.contextFull(
        needed: whole.count + preferredReserve, capacity: capacity, oldest: droppedTurns + 1)
    }
    return plan
  }
}
