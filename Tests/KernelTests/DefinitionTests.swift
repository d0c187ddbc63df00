import CKernels
import Foundation
import Testing

/// The kernels compute what they claim to: against plain Double arithmetic, at the edges, and with damaged numbers.
@Suite struct DefinitionTests {
  @Test(arguments: Table.all, [1, 16, 37, 288])
  func floatMatmulIsADotProduct(_ table: Table, n: Int) {
    var inputs = Inputs(seed: n)
    let w = inputs.floats(5 * n)
    let x = inputs.floats(3 * n)
    let out = table.matmul(w, x, rows: 5, tokens: 3)
    for t in 0..<3 {
      for r in 0..<5 {
        let exact = (0..<n).reduce(0.0) { $0 + Double(w[r * n + $1]) * Double(x[t * n + $1]) }
        #expect(abs(Double(out[t * 5 + r]) - exact) < 1e-6 * Double(4 * n))
      }
    }
  }

  /// llama2.c's order of operations: an exact sum per group, times the weight's scale, times the input's.
  @Test(arguments: Table.all, [4, 32, 64])
  func quantizedMatmulIsThatOfRunq(_ table: Table, group: Int) {
    let n = 3 * group
    var inputs = Inputs(seed: group)
    let w = inputs.quantized(2 * n, group: group, in: -128...127)
    let x = inputs.quantized(n, group: group)
    let out = table.matmul(w, x, rows: 2, tokens: 1)
    for r in 0..<2 {
      var expected: Float = 0
      for g in 0..<3 {
        let columns = g * group..<(g + 1) * group
        let sum = columns.reduce(0) { $0 + Int(w.values[r * n + $1]) * Int(x.values[$1]) }
        let scaled = Float(sum) * w.scales[r * 3 + g]
        expected += scaled * x.scales[g]
      }
      #expect(out[r] == expected)
    }
  }

  @Test(arguments: Table.all)
  func quantizeRoundsHalfAwayFromZero(_ table: Table) {
    // The largest magnitude is 127, so the scale is 1 and values are their own quotients.
    let x: [Float] = [127, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999997, -126.5]
    let expected = Quantized(values: [127, 1, -1, 2, 3, -3, 0, -127], scales: [1], group: 8)
    #expect(table.quantize(x, group: 8) == expected)
  }

  @Test(arguments: Table.all, [4, 32, 64])
  func quantizeIsThatOfRunq(_ table: Table, group: Int) {
    var inputs = Inputs(seed: group)
    let x = inputs.floats(group * 50)
    let q = table.quantize(x, group: group)
    for (g, scale) in q.scales.enumerated() {
      let members = g * group..<(g + 1) * group
      #expect(scale == x[members].reduce(0) { max($0, abs($1)) } / 127)
      for i in members {
        #expect(q.values[i] == Int8((x[i] / scale).rounded(.toNearestOrAwayFromZero)))
      }
    }
  }

  @Test(arguments: Table.all)
  func quantizeOfZerosAndOfTinyNumbers(_ table: Table) {
    let zeros = table.quantize([0, -0.0, 0, 0], group: 4)
    #expect(zeros == Quantized(values: [0, 0, 0, 0], scales: [0], group: 4))
    let least = Float.leastNonzeroMagnitude
    // 190 / 127 rounds to 1: the quotient 190 does not fit and is clamped.
    let tiny = table.quantize([190 * least, -190 * least, least, 0], group: 4)
    #expect(tiny == Quantized(values: [127, -127, 1, 0], scales: [least], group: 4))
  }

  /// llama2.c's order: the squares one after the other, each step rounded.
  @Test(arguments: Table.all, [1, 127, 128, 129, 576, 1100, 4096])
  func rmsnormIsThatOfRun(_ table: Table, n: Int) {
    for scale: Float in [1e-12, 1, 1e9] {
      var inputs = Inputs(seed: n)
      let x = inputs.floats(n).map { $0 * scale }
      let weight = inputs.floats(n)
      var squares: Float = 0
      for value in x {
        let square = value * value
        squares += square
      }
      let inverse = 1 / (squares / Float(n) + 1e-5).squareRoot()
      let expected = zip(x, weight).map { value, weight in
        let scaled = inverse * value
        return weight * scaled
      }
      #expect(table.rmsnorm(x, weight: weight, eps: 1e-5) == expected)
    }
  }

  @Test(arguments: Table.all)
  func rmsnormIsOneOverTheRootMeanSquare(_ table: Table) {
    let x: [Float] = [3, -4, 0, 5, 1]
    let out = table.rmsnorm(x, weight: [1, 2, 3, 4, 5], eps: 0.25)
    let rms = (51.0 / 5 + 0.25).squareRoot()
    for i in x.indices { #expect(abs(Double(out[i]) - Double(x[i]) / rms * Double(i + 1)) < 1e-6) }
  }

  @Test(arguments: Table.all)
  func ropeRotatesEachPair(_ table: Table) {
    let angles = [0.3, 2.0]
    let out = table.rope(
      [1, 0, 0, 2, 1, 1, -3, 0], cos: angles.map { Float(cos($0)) },
      sin: angles.map { Float(sin($0)) }, headSize: 4)
    let expected = [
      cos(0.3), sin(0.3), -2 * sin(2), 2 * cos(2), cos(0.3) - sin(0.3), cos(0.3) + sin(0.3),
      -3 * cos(2), -3 * sin(2),
    ]
    for (found, exact) in zip(out, expected) { #expect(abs(Double(found) - exact) < 1e-6) }
  }

  @Test(arguments: Table.all)
  func swigluIsTheGatedUnit(_ table: Table) {
    let gate: [Float] = [0, 1, -1, 10, -10, 90, -90, -200, 1e30, -1e30]
    let out = table.swiglu(gate, Array(repeating: 2, count: gate.count))
    for (found, a) in zip(out, gate.map(Double.init)) {
      let exact = 2 * a / (1 + exp(-a))
      #expect(abs(Double(found) - exact) <= 4e-7 * abs(exact) + 1e-36)
    }
  }

  /// softmax([0, a]) exposes exp(a) for every a <= 0 as the ratio of its parts.
  @Test(arguments: Table.all)
  func exponentialIsAccurate(_ table: Table) {
    for a in stride(from: Float(-80), through: 0, by: 0.0371) {
      let parts = table.softmax([0, a])
      let exact = exp(Double(a)) / (1 + exp(Double(a)))
      #expect(abs(Double(parts[1]) - exact) <= 3e-7 * exact, "exp(\(a))")
    }
    let far = table.softmax([0, -88, -100, -104, -1000, -.infinity])
    #expect(abs(Double(far[1]) / exp(-88) - 1) < 1e-6)
    #expect(abs(Double(far[2]) - exp(-100)) <= Double(Float.leastNonzeroMagnitude))
    #expect(far[3...] == [0, 0, 0])
  }

  #if canImport(Glibc)
    /// llama2.c's activation with the C library's exponential, bit by bit.
    @Test(arguments: Table.all)
    func exponentialIsThatOfTheCLibrary(_ table: Table) {
      let gate = stride(from: Float(-100), through: 100, by: 0.00713).map { $0 }
      let out = table.swiglu(gate, Array(repeating: 1, count: gate.count))
      #expect(out == gate.map { $0 * (1 / (1 + exp(-$0))) })
    }
  #endif

  @Test(arguments: Table.all, [1, 16, 23])
  func softmaxSumsToOne(_ table: Table, n: Int) {
    var inputs = Inputs(seed: n)
    let x = inputs.floats(n, in: 90...100)
    let out = table.softmax(x)
    let total = x.reduce(0.0) { $0 + exp(Double($1)) }
    for i in 0..<n { #expect(abs(Double(out[i]) - exp(Double(x[i])) / total) < 1e-6) }
  }

  @Test(arguments: Table.all)
  func argmaxIsTheFirstOfTheLargest(_ table: Table) {
    for n in 1...70 {
      var inputs = Inputs(seed: n)
      let x = inputs.floats(n)
      let expected = x.indices.max { (x[$0], -$0) < (x[$1], -$1) }
      #expect(table.argmax(x) == expected)
      // Ties go to the first, wherever they lie; damage anywhere is noticed.
      for place in 0..<n {
        var tied = x
        for i in place..<n where (i - place) % 5 == 0 { tied[i] = 99 }
        #expect(table.argmax(tied) == place)
        for damage in [Float.nan, .infinity, -.infinity] {
          tied[place] = damage
          #expect(table.argmax(tied) == n)
        }
      }
      #expect(table.argmax([Float](repeating: -.greatestFiniteMagnitude, count: n)) == 0)
    }
  }

  /// One NaN anywhere in the input reaches the output, so that the engine can refuse it.
  @Test(arguments: Table.all, [0, 5, 16, 36])
  func damageIsPassedOn(_ table: Table, place: Int) {
    var inputs = Inputs(seed: place)
    var x = inputs.floats(64)
    let y = inputs.floats(64)
    x[place] = .nan
    #expect(table.softmax(x).allSatisfy { $0.isNaN })
    #expect(table.rmsnorm(x, weight: y, eps: 1e-5).allSatisfy { $0.isNaN })
    #expect(table.swiglu(x, y)[place].isNaN)
    #expect(table.swiglu(y, x)[place].isNaN)
    #expect(table.add(y, x)[place].isNaN)
    #expect(table.matmul(y, x, rows: 1, tokens: 1)[0].isNaN)
    for group in [32, 64] {
      let w = table.quantize(y, group: group)
      #expect(table.matmul(w, table.quantize(x, group: group), rows: 1, tokens: 1)[0].isNaN)
      x[place] = .infinity
      #expect(table.matmul(w, table.quantize(x, group: group), rows: 1, tokens: 1)[0].isNaN)
    }
  }
}
