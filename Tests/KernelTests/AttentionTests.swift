import CKernels
import Foundation
import Testing

@Suite struct AttentionTests {
  static let headSizes = [2, 4, 8, 16, 18, 48, 64, 80, 96, 112, 128, 200]
  static let groups = [
    (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (3, 5), (1, 7), (8, 3), (2, 20),
  ]

  /// Every instruction set computes the bits of the scalar definition, and stores the same bytes.
  @Test(arguments: Table.accelerated, headSizes)
  func agrees(_ table: Table, headSize: Int) {
    for type in lck_kv_type.all {
      for positions in [1, 2, 15, 16, 17, 33, 64, 65, 130, 200] {
        let groups = positions == 33 || positions == 130 ? Self.groups : [(1, 1), (3, 1), (4, 3)]
        for (heads, tokens) in groups {
          let input = AttentionCase(
            type, headSize: headSize, heads: heads, tokens: tokens, positions: positions)
          let (found, expected) = (table.store(input), Table.scalar.store(input))
          #expect(found.contents == expected.contents)
          #expect(
            table.attend(input, in: found).sameBits(as: Table.scalar.attend(input, in: expected)),
            "type \(type.rawValue), positions \(positions), \(heads) heads, \(tokens) tokens")
        }
      }
    }
  }

  /// The definition, spelled out: each sum in order, on numbers as the cache keeps them.
  @Test(arguments: Table.all, [2, 8, 20, 48, 64, 80, 128])
  func isThatOfLlama2c(_ table: Table, headSize: Int) {
    for type in lck_kv_type.all {
      for (heads, tokens, positions) in [(1, 1, 1), (3, 1, 37), (1, 1, 75), (4, 6, 61), (8, 2, 16)]
      {
        let input = AttentionCase(
          type, headSize: headSize, heads: heads, tokens: tokens, positions: positions)
        #expect(table.attend(input).sameBits(as: definition(input, table)))
      }
    }
  }

  private func definition(_ input: AttentionCase, _ table: Table) -> AttentionResult {
    let n = input.headSize
    let rows = (0..<input.allPositions).map { p in
      (
        kept(Array(input.keys[p * n..<(p + 1) * n]), input.type, table),
        kept(Array(input.values[p * n..<(p + 1) * n]), input.type, table)
      )
    }
    var result = AttentionResult(out: [], scores: [])
    for row in 0..<input.rows {
      let scores = (0..<input.seen(row)).map { p in
        var sum: Float = 0
        for i in 0..<n {
          let product = input.q[row * n + i] * rows[p].0.numbers[i]
          sum += product
        }
        return sum * rows[p].0.scale / Float(n).squareRoot()
      }
      let probabilities = table.softmax(scores)
      result.scores.append(probabilities)
      for i in 0..<n {
        var sum: Float = 0
        for (p, probability) in probabilities.enumerated() {
          let weight = probability * rows[p].1.scale
          let product = weight * rows[p].1.numbers[i]
          sum += product
        }
        result.out.append(sum)
      }
    }
    return result
  }

  private func kept(
    _ x: [Float], _ type: lck_kv_type, _ table: Table
  ) -> (numbers: [Float], scale: Float) {
    switch type {
    case lck_kv_f16: return (x.map(Half.rounded), 1)
    case lck_kv_q8:
      let q = table.quantize(x, group: x.count)
      return (q.values.map(Float.init), q.scales[0])
    default: return (x, 1)
    }
  }

  @Test(arguments: Table.all, [2, 20, 64])
  func weighsTheValues(_ table: Table, headSize: Int) {
    for (type, tolerance) in [(lck_kv_f32, 1e-5), (lck_kv_f16, 2e-3), (lck_kv_q8, 3e-2)] {
      let input = AttentionCase(type, headSize: headSize, heads: 2, tokens: 3, positions: 21)
      let out = table.attend(input).out
      for row in 0..<input.rows {
        let exact = exact(input, row: row)
        for i in 0..<headSize {
          #expect(abs(Double(out[row * headSize + i]) - exact[i]) < tolerance)
        }
      }
    }
  }

  private func exact(_ input: AttentionCase, row: Int) -> [Double] {
    let n = input.headSize
    func dot(_ p: Int) -> Double {
      (0..<n).reduce(0.0) { $0 + Double(input.q[row * n + $1]) * Double(input.keys[p * n + $1]) }
    }
    let weights = (0..<input.seen(row)).map { exp(dot($0) / Double(n).squareRoot()) }
    let total = weights.reduce(0, +)
    return (0..<n).map { i in
      weights.indices.reduce(0.0) { $0 + weights[$1] / total * Double(input.values[$1 * n + i]) }
    }
  }

  /// Positions, rows and elements can be cut anywhere.
  @Test(arguments: Table.all, [16, 32, 64])
  func doesNotDependOnTheSplit(_ table: Table, part: Int) {
    for type in lck_kv_type.all {
      for (headSize, tokens) in [(48, 1), (64, 20), (80, 1), (128, 3)] {
        let input = AttentionCase(
          type, headSize: headSize, heads: 3, tokens: tokens, positions: 150)
        #expect(table.attend(input, part: part).sameBits(as: table.attend(input)))
      }
    }
  }

  /// Whole blocks are stored otherwise than single positions, but not as other bytes.
  @Test(arguments: Table.all, [4, 18, 64, 80])
  func storingDoesNotDependOnTheSplit(_ table: Table, headSize: Int) {
    for type in lck_kv_type.all {
      let input = AttentionCase(type, headSize: headSize, positions: 70)
      let expected = table.store(input).contents
      for step in [1, 5, 16, 23] { #expect(table.store(input, step: step).contents == expected) }
    }
  }

  /// One NaN in a query, key or value reaches the output; so does a number too large for a half.
  @Test(arguments: Table.all, [0, 5, 16, 36])
  func passesDamageOn(_ table: Table, place: Int) {
    for type in lck_kv_type.all {
      for positions in [1, 20] {
        let sound = AttentionCase(type, headSize: 64, positions: positions)
        for damage in [Float.nan, .infinity, 65_520, -1e6] {
          let stays = type != lck_kv_f16 && damage.isFinite
          var (query, key, value) = (sound, sound, sound)
          query.q[place] = .nan
          key.keys[place] = damage
          value.values[place] = damage
          #expect(table.attend(query).out.allSatisfy { $0.isNaN })
          let (byKey, byValue) = (table.attend(key).out, table.attend(value).out)
          if stays {
            #expect((byKey + byValue).allSatisfy { $0.isFinite })
          } else if damage.isNaN || type != lck_kv_f32 {
            #expect(byKey.allSatisfy { $0.isNaN })
            #expect(byValue[place].isNaN)
          } else {
            #expect(!byValue[place].isFinite)
          }
        }
      }
    }
  }
}
