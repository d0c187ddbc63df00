import CKernels
import TestSupport

/// One table of kernels, as a test argument.
struct Table: Sendable, CustomStringConvertible {
  let name: String

  var description: String { name }

  /// The definition.
  static let scalar = Table(name: "scalar")

  /// Every table this CPU can run, fastest first.
  static let all: [Table] = {
    var tables: [Table] = []
    var names = lck_kernel_names()
    while let pointer = names?.pointee {
      tables.append(Table(name: String(cString: pointer)))
      names = names?.advanced(by: 1)
    }
    return tables
  }()

  /// Every table that has a definition to be compared with.
  static let accelerated = all.filter { $0.name != scalar.name }

  private var kernels: lck_kernels {
    guard let table = lck_kernels_named(name) else { fatalError("no kernels named \(name)") }
    return table.pointee
  }

  func matmul(_ w: [Float], _ x: [Float], rows: Int, tokens: Int) -> [Float] {
    var out = [Float](repeating: .nan, count: rows * tokens)
    kernels.matmul_f32(&out, rows, w, x, rows, x.count / tokens, tokens)
    return out
  }

  func matmul(_ w: Quantized, _ x: Quantized, rows: Int, tokens: Int) -> [Float] {
    var out = [Float](repeating: .nan, count: rows * tokens)
    kernels.matmul_q80(
      &out, rows, w.values, w.scales, x.values, x.scales, rows, x.values.count / tokens, w.group,
      tokens)
    return out
  }

  func quantize(_ x: [Float], group: Int) -> Quantized {
    var q = Quantized(
      values: Array(repeating: 99, count: x.count),
      scales: Array(repeating: -1, count: x.count / group), group: group)
    kernels.quantize_q80(&q.values, &q.scales, x, x.count, group)
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
    var out = x
    kernels.softmax(&out, x.count)
    return out
  }

  /// The weighted values, followed by the scores.
  ///
  /// Keys and values are (positions, head size); what is beyond the last key in its block is NaN.
  func attention(_ q: [Float], keys: [Float], values: [Float]) -> [Float] {
    let positions = keys.count / q.count
    let block = Int(lck_key_block)
    let capacity = (positions + block - 1) / block * block
    var blocks = [Float](repeating: .nan, count: capacity * q.count)
    for p in 0..<positions {
      let key = Array(keys[p * q.count..<(p + 1) * q.count])
      lck_store_key(&blocks, key, p, q.count)
    }
    var out = [Float](repeating: .nan, count: q.count)
    var scores = [Float](repeating: .nan, count: positions)
    kernels.attention(&out, &scores, q, blocks, values, positions, q.count)
    return out + scores
  }
}

/// Values in groups that share a scale.
struct Quantized: Equatable {
  var values: [Int8]
  var scales: [Float]
  var group: Int
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
