import ModelFile
import Testing

@testable import Inference

@Suite struct ThreadTuningTests {
  private func chosen(_ speeds: [Double]) -> Int {
    ThreadTuning(
      trials: speeds.enumerated().map { .init(threads: $0 + 1, tokensPerSecond: $1) }
    ).chosen
  }

  @Test func theFewestThreadsAmongTheFastestAreChosen() {
    #expect(chosen([10, 20, 30]) == 3)
    #expect(chosen([10, 30, 20]) == 2)
    #expect(chosen([10, 29.5, 30]) == 2)
    #expect(chosen([10, 28, 30]) == 3)
    #expect(chosen([10]) == 1)
    #expect(chosen([0, 0]) == 1)
  }

  @Test func everyNumberIsTriedAndOneKept() throws {
    let engine = try TinyEngine(.v2(groupSize: 64), threads: 1).engine
    let tuning = try ThreadTuning(engine: engine)
    #expect(tuning.trials.map(\.threads) == Array(1...Processors.available))
    #expect(tuning.trials.allSatisfy { $0.tokensPerSecond > 0 })
    #expect(engine.threads == tuning.chosen)
  }

  @Test func anInterruptLeavesTheThreads() throws {
    let most = Engine.maximumThreads
    let engine = try TinyEngine(.v1, threads: most).engine
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) { try ThreadTuning(engine: engine, interrupt: interrupt) }
    #expect(engine.threads == most)
  }
}
