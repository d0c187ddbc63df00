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
    #expect(benchmark.readBandwidth() > 0)
    #expect(benchmark.barrierSeconds() > 0)
    let isScalar = benchmark.engine.instructionSet == "scalar"
    #expect(isScalar ? benchmark.arithmeticPeak() == nil : benchmark.arithmeticPeak() ?? 0 > 0)
  }

  @Test func depthThatDoesNotFitIsRefused() throws {
    let benchmark = Benchmark(engine: try TinyEngine(.v1).engine)
    #expect(throws: InferenceError.self) { try benchmark.decode(tokens: 1, depth: 1 << 50) }
  }
}
