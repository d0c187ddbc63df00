import CKernels

/// Queries, keys and values of one KV head, and what the kernels make of them.
struct AttentionCase {
  var type = lck_kv_f32
  var headSize: Int
  /// Query heads of the KV head.
  var heads = 1
  /// Consecutive tokens.
  var tokens = 1
  /// Positions that the first token sees.
  var positions: Int

  /// (tokens, heads, headSize).
  var q: [Float] = []
  /// (allPositions, headSize).
  var keys: [Float] = []
  var values: [Float] = []

  var rows: Int { heads * tokens }
  var allPositions: Int { positions + tokens - 1 }
  /// Positions that row `row` sees.
  func seen(_ row: Int) -> Int { positions + row / heads }

  init(
    _ type: lck_kv_type = lck_kv_f32, headSize: Int, heads: Int = 1, tokens: Int = 1,
    positions: Int
  ) {
    (self.type, self.headSize, self.heads) = (type, headSize, heads)
    (self.tokens, self.positions) = (tokens, positions)
    var inputs = Inputs(seed: headSize + 1000 * positions + rows)
    q = inputs.floats(rows * headSize)
    keys = inputs.floats(allPositions * headSize)
    values = inputs.floats(allPositions * headSize)
  }
}

/// The memory of one KV head, at first full of NaN.
final class HeadMemory {
  let rows: Int
  var head: lck_kv_head
  private let bytes: UnsafeMutableRawBufferPointer

  init(_ type: lck_kv_type, headSize: Int, positions: Int) {
    let block = Int(lck_key_block)
    rows = (positions + block - 1) / block * block
    let elementBytes = type == lck_kv_f32 ? 4 : type == lck_kv_f16 ? 2 : 1
    let plane = rows * headSize * elementBytes
    bytes = .allocate(byteCount: 2 * plane + 8 * rows, alignment: 64)
    bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
    guard let start = bytes.baseAddress else { fatalError("no memory") }
    let scales = (start + 2 * plane).bindMemory(to: Float.self, capacity: 2 * rows)
    head = lck_kv_head(
      type: type, head_size: headSize, keys: start, values: start + plane, key_scales: scales,
      value_scales: scales + rows)
  }

  deinit { bytes.deallocate() }

  var contents: [UInt8] { Array(bytes) }
}

/// What attention gives: (tokens, heads, headSize), and each row's scores after softmax.
struct AttentionResult {
  var out: [Float]
  var scores: [[Float]]

  func sameBits(as other: AttentionResult) -> Bool {
    KernelTests.sameBits(out, other.out)
      && zip(scores, other.scores).allSatisfy { KernelTests.sameBits($0, $1) }
  }
}

extension Table {
  /// A head with the case's keys and values, stored in calls of `step` positions.
  func store(_ input: AttentionCase, step: Int = .max) -> HeadMemory {
    let memory = HeadMemory(input.type, headSize: input.headSize, positions: input.allPositions)
    for start in stride(from: 0, to: input.allPositions, by: min(step, input.allPositions)) {
      let count = min(step, input.allPositions - start)
      let elements = start * input.headSize..<(start + count) * input.headSize
      kernels.store_kv(
        &memory.head, Array(input.keys[elements]), Array(input.values[elements]), input.headSize,
        start, count)
    }
    return memory
  }

  /// Attention in one go, or with positions, rows and elements each cut in parts of `part`.
  func attend(
    _ input: AttentionCase, in memory: HeadMemory? = nil, part: Int = .max
  ) -> AttentionResult {
    let memory = memory ?? store(input)
    let stride = memory.rows + 16
    var scores = [Float](repeating: .nan, count: input.rows * stride)
    var out = [Float](repeating: .nan, count: input.q.count)
    input.q.withUnsafeBufferPointer { q in
      out.withUnsafeMutableBufferPointer { out in
        scores.withUnsafeMutableBufferPointer { scores in
          var group = lck_queries(
            q: q.baseAddress, out: out.baseAddress, stride: input.heads * input.headSize,
            heads: input.heads, tokens: input.tokens, positions: input.positions,
            scores: scores.baseAddress, score_stride: stride)
          for range in parts(of: input.allPositions, part) {
            kernels.attention_scores(&group, &memory.head, range.lowerBound, range.upperBound)
          }
          for range in parts(of: input.rows, part) {
            kernels.attention_softmax(&group, range.lowerBound, range.upperBound)
          }
          for range in parts(of: input.headSize, part) {
            kernels.attention_values(&group, &memory.head, range.lowerBound, range.upperBound)
          }
        }
      }
    }
    return AttentionResult(
      out: out,
      scores: (0..<input.rows).map { row in
        Array(scores[row * stride..<row * stride + input.seen(row)])
      })
  }

  private func parts(of count: Int, _ part: Int) -> [Range<Int>] {
    Swift.stride(from: 0, to: count, by: min(part, count)).map {
      $0..<min(count, $0 + min(part, count))
    }
  }
}

extension lck_kv_type {
  static var all: [lck_kv_type] { [lck_kv_f32, lck_kv_f16, lck_kv_q8] }
}
