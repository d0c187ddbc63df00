import Inference
import ModelFile
import Testing

@Suite struct BenchmarkTests {
  @Test func measuresWhatWasAskedFor() throws {
    let benchmark = Benchmark(engine: try TinyEngine(.v2(groupSize: 64), threads: 2).engine)
    let prefill = try benchmark.prefill(tokens: 200)
    #expect((prefill.tokens, prefill.depth, prefill.threads) == (200, 0, 2))
    #expect(prefill.tokensPerSecond > 0)
    let decode = try benchmark.decode(tokens: 3, depth: 70)
    #expect((decode.tokens, decode.depth, decode.threads) == (3, 70, 2))
    #expect(decode.tokensPerSecond > 0)
    #expect(decode.bytesPerToken > benchmark.engine.model.bytesPerToken)
    #expect(try benchmark.readBandwidth() > 0)
    #expect(benchmark.barrierSeconds() > 0)
    let isScalar = benchmark.engine.instructionSet == "scalar"
    #expect(isScalar ? benchmark.arithmeticPeak() == nil : benchmark.arithmeticPeak() ?? 0 > 0)
  }

  @Test func aFullCacheHasNoScratchRow() throws {
    let engine = try TinyEngine(.v1).engine
    let cache = try KVCache(config: engine.model.config, capacity: 8)
    _ = try engine.forward([1, 2, 3, 4, 5, 6, 7], cache: cache)
    let benchmark = Benchmark(engine: engine)
    let before = Array(try engine.forward([8], cache: cache))
    cache.truncate(to: 7)
    #expect(try benchmark.decode(steps: 4, atEndOf: cache).depth == 7)
    #expect(cache.tokens == [1, 2, 3, 4, 5, 6, 7])
    #expect(Array(try engine.forward([8], cache: cache)) == before)
    #expect(throws: InferenceError.self) { try benchmark.decode(steps: 1, atEndOf: cache) }
    #expect(cache.count == 8)
  }

  @Test func readingIsStopped() throws {
    let interrupt = InterruptFlag()
    interrupt.raise()
    let benchmark = Benchmark(engine: try TinyEngine(.v1).engine)
    #expect(throws: Interrupted.self) { try benchmark.readBandwidth(interrupt: interrupt) }
  }

  @Test func depthThatDoesNotFitIsRefused() throws {
    let benchmark = Benchmark(engine: try TinyEngine(.v1).engine)
    #expect(throws: InferenceError.self) { try benchmark.decode(tokens: 1, depth: 1 << 50) }
  }
}
