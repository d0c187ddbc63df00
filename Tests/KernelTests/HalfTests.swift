import CKernels
import Testing

/// Half-precision numbers by their definition.
enum Half {
  /// The nearest half, ties to even; NaN for what no half can hold.
  static func rounded(_ x: Float) -> Float {
    guard x.isFinite, x != 0 else { return x == 0 ? x : .nan }
    let lastPlace = Float(sign: .plus, exponent: max(Int(x.exponent), -14) - 10, significand: 1)
    let result = (x / lastPlace).rounded(.toNearestOrEven) * lastPlace
    return abs(result) <= 65_504 ? result : .nan
  }

  /// The number that 16 bits stand for.
  static func value(_ bits: UInt16) -> Float {
    let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023) / 1024)
    let magnitude: Float =
      switch exponent {
      case 31: fraction == 0 ? .infinity : .nan
      case 0: Float(sign: .plus, exponent: -14, significand: fraction)
      default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
      }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }
}

@Suite struct HalfTests {
  /// All of them, read as keys of one element by a query of 1.
  @Test(arguments: Table.all)
  func everyHalfIsWidenedExactly(_ table: Table) {
    let memory = HeadMemory(lck_kv_f16, headSize: 1, positions: 1 << 16)
    for bits in UInt16.min...UInt16.max {
      memory.head.keys.storeBytes(of: bits, toByteOffset: 2 * Int(bits), as: UInt16.self)
    }
    var scores = [Float](repeating: 99, count: 1 << 16)
    let one: [Float] = [1]
    scores.withUnsafeMutableBufferPointer { scores in
      one.withUnsafeBufferPointer { one in
        var group = lck_queries(
          q: one.baseAddress, out: nil, stride: 1, heads: 1, tokens: 1, positions: 1 << 16,
          scores: scores.baseAddress, score_stride: 1 << 16)
        table.kernels.attention_scores(&group, &memory.head, 0, 1 << 16)
      }
    }
    let wrong = scores.indices.filter { index in
      let expected = Half.value(UInt16(index))
      return scores[index] != expected && !(scores[index].isNaN && expected.isNaN)
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  /// Halves, the middles between neighbours, and the floats right beside those.
  @Test(arguments: Table.all)
  func numbersAreRoundedToTheNearestHalf(_ table: Table) {
    var numbers: [Float] = [.infinity, .nan, 65_519, 65_519.996, 65_520, 65_536, 1e9, 1e-30, 0]
    numbers += [.greatestFiniteMagnitude, .leastNonzeroMagnitude]
    for bits in stride(from: UInt16(0), to: 0x7bff, by: 1) {
      let (low, high) = (Half.value(bits), Half.value(bits + 1))
      let middle = (low + high) / 2
      numbers += [low, middle, middle.nextUp, middle.nextDown]
    }
    numbers += numbers.map { -$0 }
    let memory = HeadMemory(lck_kv_f16, headSize: numbers.count, positions: 1)
    table.kernels.store_kv(&memory.head, numbers, numbers, numbers.count, 0, 1)
    let wrong = numbers.indices.filter { index in
      let bits = memory.head.values.load(fromByteOffset: 2 * index, as: UInt16.self)
      let (found, expected) = (Half.value(bits), Half.rounded(numbers[index]))
      return found.bitPattern != expected.bitPattern && !(found.isNaN && expected.isNaN)
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(5).map { numbers[$0] })")
  }
}
