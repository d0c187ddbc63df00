import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

/// What holds for every way to keep keys and values.
@Suite struct KVTypeTests {
  /// Three KV heads, which two threads cannot share evenly, and a context deep enough to split a token's attention.
  private static let deep = ModelConfig(
    dim: 96, hiddenDim: 64, layers: 1, heads: 6, kvHeads: 3, vocabSize: 512, contextLength: 700,
    sharedClassifier: true)

  /// Rounded keys and values move the logits, but not far.
  @Test(arguments: [(.f32, 1e-5), (.f16, 1e-2), (.q8, 1e-1)] as [(KVType, Double)])
  func isCloseToTheOracle(_ type: KVType, tolerance: Double) throws {
    let tiny = try TinyEngine(.v1)
    let tokens = TinyEngine.tokens(30)
    let found = try tiny.logits([tokens[...]], kv: type)[0]
    var oracle = tiny.oracle
    let expected = tokens.map { oracle.forward(Int($0)) }[tokens.count - 1]
    let scale = expected.map(abs).max() ?? 1
    let error = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(error < scale * tolerance)
    #expect(type == .f32 || error > 0)
  }

  @Test(arguments: KVType.allCases, [false, true])
  func logitsDependOnNoSplit(_ type: KVType, isQuantized: Bool) throws {
    let format: CheckpointFormat = isQuantized ? .v2(groupSize: 32) : .v1
    let tiny = try TinyEngine(format, config: Self.deep)
    let tokens = TinyEngine.tokens(620)
    // A prompt, then tokens one by one, beyond the depth from which on attention is split.
    let expected = try tiny.logits(
      [tokens[0..<500]] + (500..<620).map { tokens[$0...$0] }, kv: type)
    for threads in 1...min(4, Engine.maximumThreads) {
      try tiny.engine.resize(threads: threads)
      let calls = [tokens[0..<37], tokens[37..<505], tokens[505..<506], tokens[506..<610]]
      let found = try tiny.logits(calls + (610..<620).map { tokens[$0...$0] }, kv: type)
      for (call, logits) in zip(calls.dropFirst(), found.dropFirst()) {
        #expect(logits == expected[call.endIndex - 500], "\(threads) threads, to \(call.endIndex)")
      }
      #expect(found.suffix(10) == expected.suffix(10), "\(threads) threads")
    }
  }

  @Test(arguments: KVType.allCases)
  func logitsDoNotDependOnTheProcessor(_ type: KVType) throws {
    let tokens = TinyEngine.tokens(540)
    let calls = [tokens[0..<510]] + (510..<540).map { tokens[$0...$0] }
    let scalar = try TinyEngine(.v2(groupSize: 32), config: Self.deep, instructionSet: "scalar")
    let expected = try scalar.logits(calls, kv: type)
    for name in Engine.instructionSets {
      let tiny = try TinyEngine(
        .v2(groupSize: 32), config: Self.deep, threads: 2, instructionSet: name)
      #expect(try tiny.logits(calls, kv: type) == expected, "\(name)")
    }
  }

  @Test(arguments: KVType.allCases)
  func goingBackLeavesNoTrace(_ type: KVType) throws {
    let tiny = try TinyEngine(.v1)
    let tokens = TinyEngine.tokens(60)
    let cache = try tiny.makeCache(type)
    _ = try tiny.engine.forward(tokens[0..<20], cache: cache)
    _ = try tiny.engine.forward(tokens[40..<60], cache: cache)
    cache.truncate(to: 20)
    let found = Array(try tiny.engine.forward(tokens[20..<40], cache: cache))
    #expect(try found == tiny.logits([tokens[0..<40]], kv: type).last)
  }

  @Test func sizesAreThoseOfTheElements() throws {
    let config = TinyModel.config
    let elements = 2 * config.layers * 128 * config.kvDim
    let scales = 2 * config.layers * 128 * config.kvHeads * 4
    for (type, bytes) in [
      (KVType.f32, elements * 4), (.f16, elements * 2), (.q8, elements + scales),
    ] {
      #expect(KVCache.byteCount(config: config, capacity: 128, type: type) == bytes)
      #expect(KVCache.byteCount(config: config, capacity: 113, type: type) == bytes)
      #expect(try KVCache(config: config, capacity: 128, type: type).byteCount == bytes)
      #expect(KVCache.byteCount(config: config, capacity: .max, type: type) == nil)
    }
  }

  @Test func int8ModelsHaveHalvesByDefault() {
    #expect(KVType.automatic(for: .v0) == .f32)
    #expect(KVType.automatic(for: .v1) == .f32)
    #expect(KVType.automatic(for: .v2(groupSize: 64)) == .f16)
  }
}
