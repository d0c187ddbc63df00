import CKernels
import Testing

/// Every instruction set computes the bits of the scalar definition, for every shape class and tail.
@Suite struct AgreementTests {
  @Test func bestTableIsTheFirstName() {
    #expect(String(cString: lck_kernels_best().pointee.name) == Table.all.first?.name)
    #expect(Table.all.last?.name == "scalar")
    #expect(lck_kernels_named("mmx") == nil)
  }

  @Test(arguments: Table.accelerated, [1, 2, 15, 16, 17, 24, 40, 96, 288])
  func floatMatmul(_ table: Table, n: Int) {
    for tokens in Array(1...9) + [17, 64] {
      for rows in tokens < 4 ? Array(1...33) : [1, 3, 16, 21] {
        var inputs = Inputs(seed: n + rows + tokens)
        let w = inputs.floats(rows * n)
        let x = inputs.floats(tokens * n)
        let expected = Table.scalar.matmul(w, x, rows: rows, tokens: tokens)
        let found = table.matmul(w, x, rows: rows, tokens: tokens)
        #expect(sameBits(found, expected), "rows \(rows), tokens \(tokens)")
      }
    }
  }

  /// Row lengths and group sizes: each group size the files know, with one group, few, and more than a register.
  static let quantizedShapes = [
    (4, 4), (8, 4), (24, 8), (48, 16), (20, 20), (15, 5), (32, 32), (288, 32), (544, 32), (64, 64),
    (576, 64), (1088, 64), (1344, 64), (128, 128), (384, 128), (1024, 1024),
  ]

  @Test(arguments: Table.accelerated, quantizedShapes)
  func quantizedMatmul(_ table: Table, shape: (n: Int, group: Int)) {
    for tokens in Array(1...9) + [17] {
      for rows in tokens == 1 ? Array(1...33) : [1, 16, 31, 33] {
        var inputs = Inputs(seed: shape.n + rows + tokens)
        let w = inputs.quantized(rows * shape.n, group: shape.group, in: -128...127)
        let x = inputs.quantized(tokens * shape.n, group: shape.group)
        let expected = Table.scalar.matmul(w, x, rows: rows, tokens: tokens)
        for padding in tokens == 1 ? [0] : [0, 5] {
          let found = table.matmul(w, x, rows: rows, tokens: tokens, padding: padding)
          #expect(sameBits(found, expected), "rows \(rows), tokens \(tokens)")
        }
      }
    }
  }

  /// Longer rows than are held at a time, and more tokens than one block.
  @Test(
    arguments: Table.accelerated,
    [(16_448, 64, 1), (8_352, 32, 1), (1_152, 64, 261), (4_672, 64, 9)])
  func quantizedMatmulBeyondOneBlock(_ table: Table, shape: (n: Int, group: Int, tokens: Int)) {
    var inputs = Inputs(seed: shape.n)
    let w = inputs.quantized(5 * shape.n, group: shape.group)
    let x = inputs.quantized(shape.tokens * shape.n, group: shape.group)
    let expected = Table.scalar.matmul(w, x, rows: 5, tokens: shape.tokens)
    #expect(sameBits(table.matmul(w, x, rows: 5, tokens: shape.tokens), expected))
  }

  /// Extreme values: nothing may saturate.
  @Test(arguments: Table.accelerated, [4, 32, 64, 128])
  func quantizedMatmulOfExtremes(_ table: Table, group: Int) {
    for (weight, input) in [(-128, 127), (-128, -127), (127, 127), (-128, 0)] as [(Int8, Int8)] {
      for tokens in [1, 5] {
        let n = 17 * group
        let w = Quantized(
          values: Array(repeating: weight, count: 3 * n), scales: Array(repeating: 1, count: 51),
          group: group)
        let x = Quantized(
          values: Array(repeating: input, count: tokens * n),
          scales: Array(repeating: 1, count: tokens * 17), group: group)
        let exact = Float(Int(weight) * Int(input) * n)
        let found = table.matmul(w, x, rows: 3, tokens: tokens)
        #expect(found == Array(repeating: exact, count: 3 * tokens))
      }
    }
  }

  @Test(arguments: Table.accelerated, [4, 8, 16, 32, 64, 128])
  func quantize(_ table: Table, group: Int) {
    var inputs = Inputs(seed: group)
    var x = inputs.floats(group * 12)
    for i in 0..<group {
      x[group + i] = 0
      x[2 * group + i] *= 60 * Float.leastNonzeroMagnitude
      x[3 * group + i] *= 1e38
    }
    x[4 * group] = .nan
    x[5 * group + 1] = -.infinity
    let found = table.quantize(x, group: group)
    let expected = Table.scalar.quantize(x, group: group)
    #expect(found.values == expected.values)
    #expect(sameBits(found.scales, expected.scales))
  }

  @Test(arguments: Table.accelerated)
  func elementwise(_ table: Table) {
    for n in Array(1...70) + [288, 1001] {
      var inputs = Inputs(seed: n)
      let x = inputs.floats(n, in: -20...20)
      let y = inputs.floats(n)
      let scalar = Table.scalar
      #expect(
        sameBits(
          table.rmsnorm(x, weight: y, eps: 1e-5), scalar.rmsnorm(x, weight: y, eps: 1e-5)))
      #expect(sameBits(table.swiglu(x, y), scalar.swiglu(x, y)))
      #expect(sameBits(table.add(x, y), scalar.add(x, y)))
      #expect(sameBits(table.softmax(x), scalar.softmax(x)))
    }
  }

  @Test(arguments: Table.accelerated, [2, 4, 6, 18, 48, 64, 80, 128])
  func rope(_ table: Table, headSize: Int) {
    var inputs = Inputs(seed: headSize)
    let v = inputs.floats(3 * headSize)
    let cos = inputs.floats(headSize / 2, in: -1...1)
    let sin = inputs.floats(headSize / 2, in: -1...1)
    #expect(
      sameBits(
        table.rope(v, cos: cos, sin: sin, headSize: headSize),
        Table.scalar.rope(v, cos: cos, sin: sin, headSize: headSize)))
  }
}
