import Inference
import Testing

@Suite struct SamplerTests {
  private func sample(_ logits: [Float], _ sampler: inout Sampler) throws -> Int32 {
    try logits.withUnsafeBufferPointer {
      try sampler.sample($0, count: logits.count, position: 12)
    }
  }

  @Test func greedyTakesTheFirstOfTheHighest() throws {
    var sampler = Sampler(temperature: 0, topP: 0.9, seed: 1)
    #expect(try sample([1, 3, 2, 3], &sampler) == 1)
    #expect(try sample([-1, -3], &sampler) == 0)
    #expect(try sample([5], &sampler) == 0)
    sampler.temperature = 1e-30
    #expect(try sample([1, 3, 2, 3], &sampler) == 1)
  }

  @Test func frequenciesFollowTheProbabilities() throws {
    var sampler = Sampler(temperature: 1, topP: 1, seed: 42)
    // Probabilities 0.5, 0.25, 0.25.
    let logits: [Float] = [0.6931472, 0, 0]
    var counts = [0, 0, 0]
    for _ in 0..<4000 { counts[Int(try sample(logits, &sampler))] += 1 }
    #expect(abs(counts[0] - 2000) < 200)
    #expect(abs(counts[1] - 1000) < 200)
  }

  @Test func topPLeavesOutTheTail() throws {
    var sampler = Sampler(temperature: 1, topP: 0.6, seed: 7)
    let logits: [Float] = [0, 3, 2.9, -5]
    for _ in 0..<500 { #expect([1, 2].contains(try sample(logits, &sampler))) }
    sampler.topP = 0.01
    for _ in 0..<50 { #expect(try sample(logits, &sampler) == 1) }
    // Below 1 / count no probability reaches the cut-off of equals.
    sampler.topP = 1e-6
    #expect(try sample([0, 0, 0, 0], &sampler) == 0)
  }

  @Test func sameSeedSameTokens() throws {
    let logits = (0..<100).map { Float($0 % 13) / 4 }
    var one = Sampler(temperature: 1.3, topP: 0.95, seed: 99)
    var two = one
    let first = try (0..<50).map { _ in try sample(logits, &one) }
    #expect(try (0..<50).map { _ in try sample(logits, &two) } == first)
    two.reseed(99)
    #expect(try (0..<50).map { _ in try sample(logits, &two) } == first)
    two.reseed(100)
    #expect(try (0..<50).map { _ in try sample(logits, &two) } != first)
  }

  @Test func seedZeroStillDraws() throws {
    var sampler = Sampler(temperature: 1, topP: 1, seed: 0)
    let drawn = Set(try (0..<100).map { _ in try sample([0, 0, 0, 0], &sampler) })
    #expect(drawn.count == 4)
  }

  @Test func onlyTheFirstCountTokensAreDrawn() throws {
    var sampler = Sampler(temperature: 0, topP: 1, seed: 1)
    let logits: [Float] = [1, 2, 99]
    let token = try logits.withUnsafeBufferPointer {
      try sampler.sample($0, count: 2, position: 0)
    }
    #expect(token == 1)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func damagedLogitsAreNamed(_ damaged: Float) {
    for temperature: Float in [0, 1] {
      var sampler = Sampler(temperature: temperature, topP: 0.9, seed: 1)
      #expect(throws: InferenceError.damagedLogits(position: 12)) {
        try sample([1, damaged, 2], &sampler)
      }
    }
  }
}
