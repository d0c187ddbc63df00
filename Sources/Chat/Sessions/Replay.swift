import Inference
import ModelFile
import Tokenization

/// A saved chat run again: every reply is drawn anew from its prompt, seed and settings.
public struct Replay {
  /// What was run.
  public struct Summary: Hashable, Sendable {
    /// Turns whose reply was drawn again.
    public var turns = 0
    /// Tokens drawn.
    public var tokens = 0
    /// Tokens that were not drawn but given, as by `:amend` or `:alt`, and were taken as they are.
    public var given = 0
    /// Numbers of turns of which no record is kept.
    public var unrecorded: [Int] = []

    /// `6 turns, 312 tokens`, and what could not be run.
    public var text: String {
      var text = "\(counted(turns, "turn")), \(counted(tokens, "token"))"
      if given > 0 { text += ", and \(SizeText.grouped(given)) that were given" }
      if !unrecorded.isEmpty {
        text +=
          "; not run, as they were changed or are of another program: turns "
          + unrecorded.map(String.init).joined(separator: ", ")
      }
      return text
    }
  }

  private let session: Session
  private let path: String
  private let engine: Engine
  private let template: ChatTemplate
  private let cache: KVCache

  /// Prepares a run.
  ///
  /// - Parameters:
  ///   - template: Of the session's kind.
  ///   - path: The session's file, for errors.
  /// - Throws: ``ReplayError`` for another model, `InferenceError` when the cache does not fit.
  public init(
    _ session: Session, path: String, engine: Engine, template: ChatTemplate
  ) throws {
    let fingerprint = ModelFingerprint(of: engine.model, vocabulary: template.tokenizer.vocabulary)
    if let reason = session.model.difference(from: fingerprint, named: session.modelName) {
      throw ReplayError(place: path, reason: reason + "; run it again with that model")
    }
    guard session.allTurns.contains(where: { $0.record != nil }) else {
      throw ReplayError(place: path, reason: "holds no reply with a record of how it was drawn")
    }
    self.session = session
    self.path = path
    self.engine = engine
    self.template = template
    cache = try engine.makeCache(capacity: session.settings.capacity, type: session.kvType)
  }

  /// Draws every reply again and compares it.
  ///
  /// - Parameter onTurn: Told of each turn that came out the same, with its number.
  /// - Throws: ``ReplayError`` at the first difference, `InferenceError`, `Interrupted`.
  public func run(
    interrupt: InterruptFlag, onTurn: (Int, Turn) -> Void = { _, _ in }
  ) throws -> Summary {
    var summary = Summary()
    for (index, turn) in session.allTurns.enumerated() {
      guard let record = turn.record, record.stretches.contains(where: { $0.draw != nil }) else {
        summary.unrecorded.append(index + 1)
        continue
      }
      try repeatReply(record, number: index + 1, interrupt: interrupt)
      let text = template.tokenizer.decode(
        record.tokens, stripsLeadingSpace: template.stripsLeadingSpace)
      guard text == turn.answer else {
        throw difference(index + 1, "the tokens do not read as the answer in the file")
      }
      summary.turns += 1
      summary.tokens += record.drawnCount
      summary.given += record.tokens.count - record.drawnCount
      onTurn(index + 1, turn)
    }
    return summary
  }

  /// Draws one reply as ``Conversation`` does, and compares token by token.
  private func repeatReply(
    _ record: ReplyRecord, number: Int, interrupt: InterruptFlag
  ) throws {
    let vocabulary = Int32(clamping: template.tokenizer.vocabulary.count)
    let prompt = record.prompt
    if let wrong = (prompt + record.tokens).first(where: { $0 >= vocabulary }) {
      throw difference(number, "token id \(wrong) is outside the vocabulary of \(vocabulary)")
    }
    cache.truncate(to: min(cache.commonPrefix(with: prompt), prompt.count - 1))
    var logits = try engine.forward(prompt[cache.count...], cache: cache, interrupt: interrupt)
    var stretches = record.stretches[...]
    // `nil` where tokens were given.
    var sampler: Sampler?
    for (index, expected) in record.tokens.enumerated() {
      takeUp(&stretches, at: index, &sampler)
      let token = try draw(&sampler, logits) ?? expected
      guard token == expected else {
        throw difference(
          number, "token \(index + 1) is \(described(token)); the file has \(described(expected))")
      }
      let isLast = index + 1 == record.tokens.count
      // Nothing was drawn after a reply that was cut.
      if isLast, record.ending != .stopToken { return }
      if interrupt.isRaised { throw Interrupted() }
      logits = try engine.forward(CollectionOfOne(token), cache: cache, interrupt: interrupt)
    }
    takeUp(&stretches, at: record.tokens.count, &sampler)
    guard record.ending == .stopToken, let end = try draw(&sampler, logits) else { return }
    guard template.stopTokens.contains(end) else {
      throw difference(
        number,
        "token \(record.tokens.count + 1) is \(described(end)); in the file the reply has ended")
    }
  }

  /// Makes the sampler that of the stretch which begins with a token, if one does.
  private func takeUp(
    _ stretches: inout ArraySlice<ReplyRecord.Stretch>, at token: Int, _ sampler: inout Sampler?
  ) {
    guard let stretch = stretches.first, stretch.start == token else { return }
    stretches.removeFirst()
    sampler = stretch.draw.map { draw in
      var sampler = Sampler(temperature: draw.temperature, topP: draw.topP, seed: 1)
      sampler.generatorState = draw.generatorState
      return sampler
    }
  }

  private func draw(
    _ sampler: inout Sampler?, _ logits: UnsafeBufferPointer<Float>
  ) throws -> TokenID? {
    try sampler?.sample(
      logits, count: min(template.tokenizer.vocabulary.count, logits.count), position: cache.count)
  }

  private func described(_ token: TokenID) -> String {
    "\(token) \(TerminalText.quoted(template.tokenizer.vocabulary.pieces[Int(token)]))"
  }

  private func difference(_ number: Int, _ reason: String) -> ReplayError {
    ReplayError(place: path, reason: "turn \(number): \(reason)")
  }
}

/// A saved chat that did not come out the same again, or could not be run.
public struct ReplayError: Failure, Hashable {
  /// The session's file.
  public let place: String?
  /// See ``Failure/reason``.
  public let reason: String
  /// See ``Failure/kind``.
  public var kind: FailureKind { .damagedFile }
}
