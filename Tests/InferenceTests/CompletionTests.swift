import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@Suite struct CompletionTests {
  /// What a run gave.
  private struct Outcome {
    var text: String
    var statistics: Completion.Statistics
  }

  /// Completes a text greedily.
  private func complete(
    _ prompt: String, steps: Int, tiny: TinyEngine,
    vocabulary: Vocabulary = TinyVocabulary.sentencePiece(), interrupt: InterruptFlag? = nil,
    onText: (String) throws -> Void = { _ in }
  ) throws -> Outcome {
    var completion = Completion(
      engine: tiny.engine, tokenizer: try vocabulary.makeTokenizer(), sampler: Self.greedy)
    var text = ""
    let statistics = try completion.run(
      prompt: Array(prompt.utf8), steps: steps, interrupt: interrupt
    ) {
      text += $0
      try onText($0)
    }
    return Outcome(text: text, statistics: statistics)
  }

  /// With a classifier of its own: a tied one only says the last token again.
  private static func tinyEngine(_ metadata: ModelMetadata = ModelMetadata()) throws -> TinyEngine {
    try TinyEngine(.v1, config: TinyModel.separateClassifierConfig, metadata: metadata)
  }

  private static let greedy = Sampler(temperature: 0, topP: 1, seed: 1)
  private let tokenizer: any Tokenizer

  init() throws { tokenizer = try TinyVocabulary.sentencePiece().makeTokenizer() }

  private func text(_ tokens: some Sequence<TokenID>) -> String {
    tokenizer.decode(tokens, stripsLeadingSpace: true)
  }

  /// The prompt and the `count` tokens that the tiny model puts after it.
  private func tokens(
    after prompt: [TokenID], count: Int, _ tiny: TinyEngine
  ) throws -> [TokenID] {
    var tokens = prompt
    var sampler = Self.greedy
    let cache = try tiny.makeCache()
    var logits = try tiny.engine.forward(tokens, cache: cache)
    for _ in 0..<count {
      let next = try sampler.sample(logits, count: 512, position: cache.count)
      try #require(next > 2, "the tiny model ends this text by itself; choose another prompt")
      tokens.append(next)
      if cache.count < cache.capacity {
        logits = try tiny.engine.forward([next], cache: cache)
      }
    }
    return tokens
  }

  @Test(arguments: [(6, 6), (20, 20), (127, 127), (128, 128), (129, 128), (0, 128), (-1, 128)])
  func fillsThePositionsAskedFor(steps: Int, filled: Int) throws {
    let tiny = try Self.tinyEngine()
    let prompt = [1] + tokenizer.encode("the")
    // The token sampled at the last position is printed, though no longer read.
    let count = filled - prompt.count + 1
    let outcome = try complete("the", steps: steps, tiny: tiny)
    #expect(outcome.text == text(try tokens(after: prompt, count: count, tiny)))
    #expect(outcome.statistics.promptTokens == prompt.count)
    #expect(outcome.statistics.generatedTokens == count)
  }

  @Test func aPromptLongerThanTheLimitIsPrintedAsFarAsItGoes() throws {
    let tiny = try Self.tinyEngine()
    let prompt = [1] + tokenizer.encode("zebras quiz")
    try #require(prompt.count > 5)
    let outcome = try complete("zebras quiz", steps: 4, tiny: tiny)
    #expect(outcome.text == text(prompt[..<5]))
    #expect(outcome.statistics.promptTokens == 4)
    #expect(outcome.statistics.generatedTokens == 0)
  }

  @Test func anEmptyPromptStartsFromBOSAlone() throws {
    var metadata = ModelMetadata()
    metadata.addsBOS = false
    let tiny = try Self.tinyEngine(metadata)
    let outcome = try complete("", steps: 1, tiny: tiny)
    #expect(outcome.text == text(try tokens(after: [1], count: 1, tiny)))
    #expect(outcome.statistics.promptTokens == 1)
    let read = tokenizer.encode("the").count
    #expect(try complete("the", steps: 9, tiny: tiny).statistics.promptTokens == read)
  }

  @Test(arguments: ["bos", "eos", "end of turn"])
  func anEndTokenEndsTheText(name: String) throws {
    var metadata = ModelMetadata()
    // The text begins with its own tokens, so that BOS can be one that the model says.
    metadata.addsBOS = false
    let prompt = tokenizer.encode("the")
    let tokens = try tokens(after: prompt, count: 30, Self.tinyEngine(metadata))
    // A token that the model says somewhere on the way for the first time.
    let place = try #require(
      tokens.indices.first { $0 > prompt.count && !tokens[..<$0].contains(tokens[$0]) })
    let end = tokens[place]

    var vocabulary = TinyVocabulary.sentencePiece()
    switch name {
    case "bos": vocabulary.bos = end
    case "eos": vocabulary.eos = end
    default: metadata.endOfTurn = end
    }
    let tiny = try Self.tinyEngine(metadata)
    let outcome = try complete("the", steps: 100, tiny: tiny, vocabulary: vocabulary)
    #expect(outcome.text == text(tokens[..<place]))
    #expect(outcome.statistics.generatedTokens == place - prompt.count + 1)
  }

  @Test func aRaisedFlagStopsTheReading() throws {
    let interrupt = InterruptFlag()
    interrupt.raise()
    let tiny = try Self.tinyEngine()
    #expect(throws: Interrupted.self) {
      try complete("the", steps: 20, tiny: tiny, interrupt: interrupt)
    }
  }

  @Test func aFlagRaisedMeanwhileEndsTheText() throws {
    let tiny = try Self.tinyEngine()
    let interrupt = InterruptFlag()
    let prompt = [1] + tokenizer.encode("the")
    var pieces = 0
    let outcome = try complete("the", steps: 100, tiny: tiny, interrupt: interrupt) { _ in
      pieces += 1
      if pieces == prompt.count + 3 { interrupt.raise() }
    }
    #expect(outcome.text == text(try tokens(after: prompt, count: 3, tiny)))
    #expect(outcome.statistics.generatedTokens == 3)
  }

  @Test func whatTheReceiverThrowsComesThrough() throws {
    struct Full: Error {}
    let tiny = try Self.tinyEngine()
    #expect(throws: Full.self) {
      try complete("the", steps: 20, tiny: tiny) { _ in throw Full() }
    }
  }
}
