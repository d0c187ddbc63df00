import CKernels
import TestSupport
import Testing

/// One table of kernels, as a test argument.
struct Table: Sendable, CustomStringConvertible {
  let name: String

  var description: String { name }

  /// The definition.
  static let scalar = Table(name: "scalar")

  /// Every table this CPU can run, fastest first.
  static let all: [Table] = sequence(state: 0) { index in
    defer { index += 1 }
    return lck_kernels_at(index).map { Table(name: String(cString: $0.pointee.name)) }
  }.map { $0 }

  /// Every table that has a definition to be compared with.
  static let accelerated = all.filter { $0.name != scalar.name }

  var kernels: lck_kernels {
    guard let table = lck_kernels_named(name) else { fatalError("no kernels named \(name)") }
    return table.pointee
  }

  func matmul(_ w: [Float], _ x: [Float], rows: Int, tokens: Int) -> [Float] {
    var out = [Float](repeating: .nan, count: rows * tokens)
    kernels.matmul_f32(&out, rows, w, x, rows, x.count / tokens, tokens)
    return out
  }

  /// - Parameter padding: Bytes between one token's values and the next one's.
  func matmul(
    _ w: Quantized, _ x: Quantized, rows: Int, tokens: Int, padding: Int = 0
  ) -> [Float] {
    var out = [Float](repeating: .nan, count: rows * tokens)
    x.withKernelInput(tokens: tokens, padding: padding) { input in
      kernels.matmul_q80(
        &out, rows, w.values, w.scales, input, rows, x.values.count / tokens, w.group, tokens)
    }
    return out
  }

  /// One row, its last group as short as it comes.
  func quantize(_ x: [Float], group: Int) -> Quantized {
    let groups = (x.count + group - 1) / group
    var q = Quantized(
      values: Array(repeating: 99, count: x.count), scales: Array(repeating: -1, count: groups),
      group: group)
    var offsets = [Int32](repeating: -1, count: groups)
    kernels.quantize_q80(&q.values, &q.scales, &offsets, x, x.count, group)
    #expect(offsets == q.offsets(tokens: 1))
    return q
  }

  func rmsnorm(_ x: [Float], weight: [Float], eps: Float) -> [Float] {
    var out = x
    kernels.rmsnorm(&out, x, weight, x.count, eps)
    return out
  }

  func rope(_ v: [Float], cos: [Float], sin: [Float], headSize: Int) -> [Float] {
    var out = v
    kernels.rope(&out, cos, sin, v.count / headSize, headSize)
    return out
  }

  func swiglu(_ gate: [Float], _ up: [Float]) -> [Float] {
    var out = gate
    kernels.swiglu(&out, up, gate.count)
    return out
  }

  func add(_ x: [Float], _ y: [Float]) -> [Float] {
    var out = x
    kernels.add(&out, y, x.count)
    return out
  }

  func argmax(_ x: [Float]) -> Int { kernels.argmax(x, x.count) }

  /// The exponentials and their sum.
  func exponentials(_ x: [Float], divisor: Float) -> (values: [Float], sum: Float) {
    var out = [Float](repeating: .nan, count: x.count)
    let sum = kernels.exponentials(&out, x, divisor, x.count)
    return (out, sum)
  }

  func orderedSum(from start: Float, _ x: [Float]) -> Float {
    kernels.ordered_sum(start, x, x.count)
  }

  func indices(of x: [Float], from limit: Float) -> [Int] {
    var indices = [UInt32](repeating: .max, count: x.count)
    let count = kernels.indices_from(&indices, x, limit, x.count)
    return indices[..<count].map(Int.init)
  }

  func softmax(_ x: [Float]) -> [Float] {
    let (values, sum) = exponentials(x, divisor: 1)
    return values.map { $0 / sum }
  }
}

/// Values in groups that share a scale.
struct Quantized: Equatable {
  var values: [Int8]
  var scales: [Float]
  var group: Int

  /// (tokens, groups): 128 times the sum of each group.
  func offsets(tokens: Int) -> [Int32] {
    let n = values.count / tokens
    return (0..<tokens).flatMap { t in
      stride(from: 0, to: n, by: group).map { from in
        values[t * n + from..<t * n + min(from + group, n)].reduce(0) { $0 + 128 * Int32($1) }
      }
    }
  }

  /// Lends the values as a kernel takes them.
  func withKernelInput(
    tokens: Int, padding: Int = 0, _ body: (UnsafePointer<lck_quantized>) -> Void
  ) {
    let n = values.count / tokens
    let padded = (0..<tokens).flatMap {
      values[$0 * n..<($0 + 1) * n] + Array(repeating: 99, count: padding)
    }
    padded.withUnsafeBufferPointer { values in
      scales.withUnsafeBufferPointer { scales in
        offsets(tokens: tokens).withUnsafeBufferPointer { offsets in
          var input = lck_quantized(
            values: values.baseAddress, scales: scales.baseAddress, offsets: offsets.baseAddress,
            stride: n + padding)
          body(&input)
        }
      }
    }
  }
}

/// Whether both hold the same bits, any NaN being as good as another.
func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
}

/// Reproducible input of every kind a kernel may meet.
struct Inputs {
  private var random: SeededGenerator

  init(seed: Int) { random = SeededGenerator(seed: UInt64(truncatingIfNeeded: seed)) }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -2...2) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &random) }
  }

  mutating func quantized(
    _ count: Int, group: Int, in range: ClosedRange<Int8> = -127...127
  ) -> Quantized {
    Quantized(
      values: (0..<count).map { _ in Int8.random(in: range, using: &random) },
      scales: floats(count / group, in: -0.1...0.1), group: group)
  }
}
