import CKernels
import ModelFile

/// The steps of a forward pass over a batch of tokens, spread over the pool's threads.
///
/// Arrays are row-major with one row a token. Work is split by output rows, tokens or heads; each output
/// is computed whole by one kernel call in a fixed order, so its bits depend on no split.
struct Operators {
  let kernels: UnsafePointer<lck_kernels>
  let pool: WorkerPool
  let workspace: Workspace

  /// out (tokens, n) = RMSNorm(x) * weight; Zhang and Sennrich, 2019.
  func rmsnorm(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    n: Int, eps: Float, tokens: Int
  ) {
    forEachToken(tokens) { t in
      kernels.pointee.rmsnorm(out + t * n, x + t * n, weight, n, eps)
    }
  }

  /// x (tokens, n) += y.
  func add(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, n: Int, tokens: Int
  ) {
    forEachToken(tokens) { t in kernels.pointee.add(x + t * n, y + t * n, n) }
  }

  /// gate (tokens, n) = silu(gate) * up; Shazeer, 2020.
  func swiglu(
    _ gate: UnsafeMutablePointer<Float>, _ up: UnsafePointer<Float>, n: Int, tokens: Int
  ) {
    forEachToken(tokens) { t in kernels.pointee.swiglu(gate + t * n, up + t * n, n) }
  }

  /// Each out (tokens, rows) = x (tokens, columns) times its matrix, transposed.
  ///
  /// Matrices that share an input go together: it is quantised once, and their rows are one job.
  func project(
    _ x: UnsafePointer<Float>, tokens: Int,
    _ outputs: (matrix: Matrix, out: UnsafeMutablePointer<Float>)...
  ) {
    guard let first = outputs.first?.matrix else { return }
    if let groupSize = first.groupSize {
      quantize(x, n: first.columns, groupSize: groupSize, tokens: tokens)
    }
    let chunkRows = chunkRows(of: outputs.map(\.matrix), tokens: tokens)
    let chunkCounts = outputs.map { ($0.matrix.rows + chunkRows - 1) / chunkRows }
    pool.run(chunks: chunkCounts.reduce(0, +)) { chunk, _ in
      var (chunk, index) = (chunk, 0)
      while chunk >= chunkCounts[index] {
        chunk -= chunkCounts[index]
        index += 1
      }
      let (matrix, out) = outputs[index]
      let row = chunk * chunkRows
      let rows = row..<min(row + chunkRows, matrix.rows)
      multiply(matrix, rows: rows, x, out, tokens: tokens)
    }
  }

  /// Rows of a chunk: enough to hide its claim, few enough to even out threads of unequal speed, and
  /// whole panels of the kernels.
  private func chunkRows(of matrices: [Matrix], tokens: Int) -> Int {
    let panel = 32
    let bytes = matrices.reduce(0) { $0 + $1.byteCount }
    let rows = matrices.reduce(0) { $0 + $1.rows }
    let share = rows / (4 * pool.threads)
    let largest = tokens == 1 ? Self.largestStream : Self.largestBatch
    let affordable = rows * largest / max(1, bytes)
    return max(1, min(share, affordable) / panel) * panel
  }

  /// Bytes of weights a thread takes at a time, at most, when it only streams them: a long stream is read
  /// faster than a short one.
  private static let largestStream = 2 << 20
  /// The same when there is arithmetic enough to hide the reading.
  private static let largestBatch = 512 << 10

  private func multiply(
    _ matrix: Matrix, rows: Range<Int>, _ x: UnsafePointer<Float>,
    _ out: UnsafeMutablePointer<Float>, tokens: Int
  ) {
    let n = matrix.columns
    let first = rows.lowerBound
    switch matrix.values {
    case .float32(let w):
      kernels.pointee.matmul_f32(
        out + first, matrix.rows, w + first * n, x, rows.count, n, tokens)
    case .int8(let w, let scales, let groupSize) where n % groupSize == 0:
      kernels.pointee.matmul_q80(
        out + first, matrix.rows, w + first * n, scales + first * n / groupSize,
        workspace.quantized, workspace.scales, rows.count, n, groupSize, tokens)
    case .int8(let w, let scales, let groupSize):
      lck_matmul_q80_straddling(
        out + first, matrix.rows, w, scales, workspace.quantized, workspace.scales,
        first, rows.count, n, groupSize, tokens)
    }
  }

  /// x (tokens, n) to int8 groups in the workspace.
  private func quantize(_ x: UnsafePointer<Float>, n: Int, groupSize: Int, tokens: Int) {
    let groups = (n + groupSize - 1) / groupSize
    let (quantized, scales) = (workspace.quantized, workspace.scales)
    forEachToken(tokens) { t in
      if n % groupSize == 0 {
        kernels.pointee.quantize_q80(
          quantized + t * n, scales + t * groups, x + t * n, n, groupSize)
      } else {
        lck_quantize_q80_ragged(quantized + t * n, scales + t * groups, x + t * n, n, groupSize)
      }
    }
  }

  /// One token is done at once; a batch is shared out token by token.
  private func forEachToken(_ tokens: Int, _ body: (Int) -> Void) {
    pool.run(chunks: tokens) { t, _ in body(t) }
  }
}
