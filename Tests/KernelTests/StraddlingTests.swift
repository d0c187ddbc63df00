import CKernels
import Testing

/// Groups that run over the flattened matrix, and so begin and end inside rows.
@Suite struct StraddlingTests {
  private func quantize(_ x: [Float], group: Int) -> Quantized {
    Table.scalar.quantize(x, group: group)
  }

  private func matmul(
    _ w: Quantized, _ x: Quantized, rows: Range<Int>, n: Int, tokens: Int
  ) -> [Float] {
    var out = [Float](repeating: .nan, count: rows.count * tokens)
    x.withKernelInput(tokens: tokens) { input in
      lck_matmul_q80_straddling(
        &out, rows.count, w.values, w.scales, input, rows.lowerBound, rows.count, n, w.group, tokens
      )
    }
    return out
  }

  @Test(arguments: [(n: 48, group: 32), (n: 20, group: 64), (n: 7, group: 4)])
  func matmul(_ shape: (n: Int, group: Int)) {
    let (n, group) = shape
    let rows = group  // so that the last group of the matrix is whole
    var inputs = Inputs(seed: n)
    let w = inputs.quantized(rows * n, group: group)
    let x = inputs.floats(2 * n)
    let perToken = [quantize(Array(x[..<n]), group: group), quantize(Array(x[n...]), group: group)]
    let both = Quantized(
      values: perToken.flatMap(\.values), scales: perToken.flatMap(\.scales), group: group)
    let part = 1..<rows - 1
    let out = matmul(w, both, rows: part, n: n, tokens: 2)
    for t in 0..<2 {
      for r in part {
        let exact = (0..<n).reduce(0.0) {
          let index = r * n + $1
          return $0 + Double(w.values[index]) * Double(w.scales[index / group])
            * Double(perToken[t].values[$1]) * Double(perToken[t].scales[$1 / group])
        }
        #expect(abs(Double(out[t * part.count + r - 1]) - exact) < 1e-5 * Double(n))
      }
    }
  }

  /// Where groups do end with the rows, nothing differs from the ordinary product.
  @Test func equalsTheOrdinaryProductWhereNothingStraddles() {
    var inputs = Inputs(seed: 5)
    let w = inputs.quantized(6 * 64, group: 32)
    let x = Table.scalar.quantize(inputs.floats(64), group: 32)
    let out = matmul(w, x, rows: 0..<6, n: 64, tokens: 1)
    #expect(out == Table.scalar.matmul(w, x, rows: 6, tokens: 1))
  }

  @Test(arguments: Table.all)
  func aShortLastGroupHasItsOwnScale(_ table: Table) {
    let q = table.quantize([127, -64, 1, 0, 2, -1], group: 4)
    #expect(q.values == [127, -64, 1, 0, 127, -64])
    #expect(q.scales == [1, 2 / 127])
  }
}
