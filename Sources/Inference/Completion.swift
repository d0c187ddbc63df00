import ModelFile
import Tokenization

/// Continues a text, as llama2.c's `run` does: the prompt is part of the output.
///
///     var completion = Completion(
///       engine: engine, tokenizer: tokenizer, sampler: Sampler(temperature: 1, topP: 0.9, seed: 42))
///     let prompt = Array("Once upon a time".utf8)
///     let statistics = try completion.run(prompt: prompt, steps: 256) { print($0, terminator: "") }
public struct Completion {
  /// What a completion cost.
  public struct Statistics: Sendable {
    /// Tokens of the prompt, BOS included.
    public var promptTokens = 0
    /// Tokens sampled, the one that ended the text included.
    public var generatedTokens = 0
    /// Time for the prompt.
    public var prefillTime = Duration.zero
    /// Time from the prompt's end to the end of the text.
    public var decodeTime = Duration.zero
  }

  /// The engine that computes the logits.
  public let engine: Engine
  /// The tokenizer of the engine's model.
  public let tokenizer: any Tokenizer
  /// The sampler; its generator goes on from call to call.
  public var sampler: Sampler
  /// How keys and values are kept.
  public let kvType: KVType

  /// Brings the parts of a completion together.
  public init(
    engine: Engine, tokenizer: any Tokenizer, sampler: Sampler, kvType: KVType = .f32
  ) {
    self.engine = engine
    self.tokenizer = tokenizer
    self.sampler = sampler
    self.kvType = kvType
  }

  /// Continues `prompt` until BOS, an end token or `steps` positions, whatever comes first.
  ///
  /// - Parameters:
  ///   - prompt: UTF-8; may be empty, then the text starts from BOS alone.
  ///   - steps: Positions to fill, the prompt's included; 0 or more than the context means the context.
  ///   - interrupt: Ends the text early when raised.
  ///   - emit: Called with each piece of whole code points.
  /// - Throws: ``InferenceError``, also for a prompt longer than the context, ``Interrupted`` when stopped while reading the prompt, and what
  ///   `emit` throws.
  public mutating func run(
    prompt: some Collection<UInt8>, steps: Int, interrupt: InterruptFlag? = nil,
    emit: (String) throws -> Void
  ) throws -> Statistics {
    let config = engine.model.config
    let limit = (1...config.contextLength).contains(steps) ? steps : config.contextLength
    let prompt = promptTokens(prompt)
    guard prompt.count <= config.contextLength else {
      throw InferenceError.contextFull(needed: prompt.count, capacity: config.contextLength)
    }
    let cache = try engine.makeCache(capacity: limit, type: kvType)
    var decoder = StreamDecoder(
      tokenizer: tokenizer, stripsLeadingSpace: tokenizer.vocabulary.addsSpacePrefix)
    var statistics = Statistics()
    let clock = ContinuousClock()

    // A prompt longer than the limit is printed as far as it goes, like any forced token.
    let read = prompt.prefix(limit)
    statistics.promptTokens = read.count
    let start = clock.now
    // Nothing follows a prompt that is cut.
    var next: TokenID?
    if read.count == prompt.count {
      next = try draw(after: read, cache, interrupt: interrupt)
    } else {
      _ = try engine.forward(read, cache: cache, interrupt: interrupt)
    }
    let promptEnd = clock.now
    statistics.prefillTime = promptEnd - start
    // BOS prints nothing.
    for token in prompt.prefix(limit + 1) { try emit(decoder.append(token)) }

    while let token = next, interrupt?.isRaised != true {
      statistics.generatedTokens += 1
      if stopTokens.contains(token) { break }
      try emit(decoder.append(token))
      if cache.count == limit { break }
      next = try draw(after: CollectionOfOne(token), cache)
    }
    try emit(decoder.finish())
    statistics.decodeTime = clock.now - promptEnd
    return statistics
  }

  private mutating func draw(
    after tokens: some Collection<TokenID>, _ cache: KVCache, interrupt: InterruptFlag? = nil
  ) throws -> TokenID {
    try engine.draw(
      with: &sampler, among: tokenizer.vocabulary.count, after: tokens, cache: cache,
      interrupt: interrupt)
  }

  private var stopTokens: [TokenID] {
    let vocabulary = tokenizer.vocabulary
    return [vocabulary.bos, vocabulary.eos] + (engine.model.metadata.endOfTurn.map { [$0] } ?? [])
  }

  private func promptTokens(_ prompt: some Collection<UInt8>) -> [TokenID] {
    let text = tokenizer.encode(prompt)
    return engine.model.metadata.addsBOS || text.isEmpty ? [tokenizer.vocabulary.bos] + text : text
  }
}
