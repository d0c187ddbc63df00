import TestSupport
import Testing

/// The kernels that turn logits into a choice of tokens.
@Suite struct SamplingKernelTests {
  /// Terms that make sums round, tie, and pass powers of two, in many ways.
  private static func terms(_ kind: Int, count: Int) -> [Float] {
    var inputs = Inputs(seed: kind)
    let uniform = inputs.floats(count, in: 0...1)
    switch kind {
    case 0: return uniform
    // All magnitudes, those below half a unit of the sum included.
    case 1: return zip(uniform, inputs.floats(count, in: -40...3)).map { $0 * exponent($1) }
    // Few digits: many ties.
    case 2: return uniform.map { Float(Int($0 * 7)) * 0.5 }
    // Half a unit of a sum between 1 and 2, again and again.
    case 3: return [1] + Array(repeating: exponent(-24), count: count - 1)
    case 4: return [1 + exponent(-23)] + uniform.map { $0 < 0.3 ? exponent(-24) : exponent(-26) }
    // A large term among small ones.
    case 5: return uniform.enumerated().map { $0 % 211 == 100 ? $1 * 1e6 : $1 * 1e-3 }
    case 6: return Array(repeating: 0, count: count)
    case 7: return uniform.map { $0 * 700 * .leastNonzeroMagnitude }
    case 8: return uniform.map { $0 * 1e37 }
    default: return uniform.map { $0 * exponent(-12) }
    }
  }

  private static func exponent(_ power: Float) -> Float {
    Float(sign: .plus, exponent: Int(power), significand: 1)
  }

  @Test(arguments: Table.all, 0..<10)
  func orderedSumIsTheSumInOrder(_ table: Table, kind: Int) {
    for count in [1, 2, 127, 128, 129, 1000, 5003] {
      let x = Self.terms(kind, count: count)
      for start: Float in [0, 0.5, 1, 8_388_607.5, 16_777_215] {
        #expect(
          table.orderedSum(from: start, x).bitPattern == x.reduce(start, +).bitPattern,
          "\(count) from \(start)")
      }
    }
    #expect(table.orderedSum(from: 0, [1]) == 1)
  }

  @Test(arguments: Table.all, [0, 70, 130])
  func orderedSumKeepsDamage(_ table: Table, place: Int) {
    var x = [Float](repeating: 1, count: 300)
    x[place] = .nan
    #expect(table.orderedSum(from: 1, x).isNaN)
    x[place] = .infinity
    #expect(table.orderedSum(from: 1, x) == .infinity)
  }

  @Test(arguments: Table.all, [1, 15, 16, 33, 500])
  func exponentialsAreSoftmaxBeforeItsDivision(_ table: Table, n: Int) {
    var inputs = Inputs(seed: n)
    let x = inputs.floats(n, in: -30...30)
    for divisor: Float in [1, 0.7, 1.3, 1e-3] {
      let found = table.exponentials(x, divisor: divisor)
      let expected = Table.scalar.softmax(x.map { $0 / divisor })
      #expect(sameBits(found.values.map { $0 / found.sum }, expected))
      #expect(found.sum == found.values.reduce(0, +))
    }
  }

  @Test(arguments: Table.all, [1, 15, 16, 17, 100])
  func indicesFromALimit(_ table: Table, n: Int) {
    var inputs = Inputs(seed: n)
    var x = inputs.floats(n)
    x[n / 2] = 0.25
    for limit: Float in [-2, 0, 0.25, 0.9, 2, .nan] {
      #expect(table.indices(of: x, from: limit) == x.indices.filter { x[$0] >= limit })
    }
  }
}
