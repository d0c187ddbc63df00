import CKernels
import Inference
import TestSupport
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

  /// Finite logits that a low temperature makes infinite.
  @Test(arguments: [Float(0.9), 0, 1])
  func logitsThatOverflowAreNamed(topP: Float) {
    var sampler = Sampler(temperature: 0.5, topP: topP, seed: 1)
    #expect(throws: InferenceError.damagedLogits(position: 12)) {
      try sample([2e38, 1, 2], &sampler)
    }
  }

  // MARK: - Against run.c, step by step

  /// llama2.c's sampler, written down plainly.
  private struct Reference {
    var state: UInt64

    mutating func coin() -> Float {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return Float(UInt32(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 32) >> 8)
        / 16_777_216
    }

    /// Draws by probabilities, which are those of the kernels.
    mutating func sample(_ probabilities: [Float], topP: Float) -> Int {
      let coin = coin()
      let everything = Array(probabilities.enumerated())
      guard topP > 0, topP < 1 else { return Self.draw(everything, target: coin) }
      let cutoff = (1 - topP) / Float(probabilities.count - 1)
      let sorted = everything.filter { $0.element >= cutoff }.sorted {
        $0.element != $1.element ? $0.element > $1.element : $0.offset < $1.offset
      }
      // A mass so small that nothing reaches the cut-off: run reads what is left in its buffer.
      if sorted.isEmpty { return probabilities.firstIndex(of: probabilities.max() ?? 0) ?? 0 }
      var (mass, count): (Float, Int) = (0, 0)
      while count < sorted.count, mass <= topP {
        mass += sorted[count].element
        count += 1
      }
      return Self.draw(Array(sorted[..<count]), target: coin * mass)
    }

    private static func draw(
      _ candidates: [(offset: Int, element: Float)], target: Float
    ) -> Int {
      var sum: Float = 0
      for candidate in candidates {
        sum += candidate.element
        if target < sum { return candidate.offset }
      }
      return candidates[candidates.count - 1].offset
    }
  }

  /// Logits between -`spread` and `spread`; with `steps` they take few values, so that there are ties.
  @Test(arguments: [(3, 1.0, 0), (700, 0.1, 0), (5000, 4, 0), (5000, 25, 0), (3000, 3, 5)])
  func drawsAsRunDoes(count: Int, spread: Double, steps: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count) + UInt64(spread))
    let logits = (0..<count).map { _ in
      let value = Double.random(in: -spread...spread, using: &generator)
      return Float(steps > 0 ? (value * Double(steps)).rounded() / Double(steps) : value)
    }
    for temperature: Float in [1, 0.7, 1.6] {
      var probabilities = logits.map { $0 / temperature }
      let total = lck_kernels_best().pointee.exponentials(&probabilities, probabilities, 1, count)
      probabilities = probabilities.map { $0 / total }
      for topP: Float in [0.9, 0.5, 0.999, 0.01, 1] {
        var sampler = Sampler(temperature: temperature, topP: topP, seed: 1234)
        var reference = Reference(state: 1234)
        for _ in 0..<12 {
          let expected = reference.sample(probabilities, topP: topP)
          #expect(try sample(logits, &sampler) == Int32(expected))
        }
      }
    }
  }
}
