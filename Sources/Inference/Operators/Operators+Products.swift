import CKernels
import ModelFile

/// Matrix products, with the steps before and after them that need no thread to wait for another.
extension Operators {
  /// out = RMSNorm(x) * weight, and its int8 form for int8 models; Zhang and Sennrich, 2019.
  func normalize(
    _ out: Activations, _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, eps: Float,
    tokens: Int
  ) {
    let n = out.width
    forEachToken(tokens) { t in
      kernels.pointee.rmsnorm(out.values + t * n, x + t * n, weight, n, eps)
      quantize(out, token: t)
    }
  }

  /// The int8 form of the values of int8 models; nothing for fp32.
  func quantize(_ x: Activations, tokens: Int) {
    guard groupSize != nil else { return }
    forEachToken(tokens) { t in quantize(x, token: t) }
  }

  /// Each out (tokens, rows) = x times its matrix, transposed; the rows of all matrices are one job.
  func project(
    _ x: Activations, tokens: Int,
    _ outputs: (matrix: Matrix, out: UnsafeMutablePointer<Float>)...
  ) {
    let rows = outputs.reduce(0) { $0 + $1.matrix.rows }
    let bytes = outputs.reduce(0) { $0 + $1.matrix.byteCount }
    share(rows: rows, bytes: bytes, tokens: tokens) { range in
      var start = 0
      for (matrix, out) in outputs {
        let part = range.clamped(to: start..<start + matrix.rows)
        if !part.isEmpty {
          multiply(
            matrix, rows: part.lowerBound - start..<part.upperBound - start, x, out, tokens: tokens)
        }
        start += matrix.rows
      }
    }
  }

  /// sum (tokens, rows) += x times the matrix, transposed; `scratch` (tokens, rows) holds the product.
  func projectAndAdd(
    _ x: Activations, _ matrix: Matrix, to sum: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, tokens: Int
  ) {
    share(rows: matrix.rows, bytes: matrix.byteCount, tokens: tokens) { rows in
      multiply(matrix, rows: rows, x, scratch, tokens: tokens)
      for t in 0..<tokens {
        let at = t * matrix.rows + rows.lowerBound
        kernels.pointee.add(sum + at, scratch + at, rows.count)
      }
    }
  }

  /// out = silu(w1 x) * (w3 x), and its int8 form for int8 models; Shazeer, 2020.
  ///
  /// `scratch` (tokens, rows) holds w3 x.
  func gate(
    _ out: Activations, _ x: Activations, w1: Matrix, w3: Matrix,
    scratch: UnsafeMutablePointer<Float>, tokens: Int
  ) {
    let n = w1.rows
    // Whole groups can be quantised where their rows were computed.
    let isWhole = groupSize.map { n % $0 == 0 } ?? false
    share(
      rows: n, bytes: w1.byteCount + w3.byteCount, tokens: tokens, multipleOf: groupSize ?? 1
    ) { rows in
      multiply(w1, rows: rows, x, out.values, tokens: tokens)
      multiply(w3, rows: rows, x, scratch, tokens: tokens)
      for t in 0..<tokens {
        let at = t * n + rows.lowerBound
        kernels.pointee.swiglu(out.values + at, scratch + at, rows.count)
        if isWhole { quantize(out, token: t, columns: rows) }
      }
    }
    if !isWhole { quantize(out, tokens: tokens) }
  }

  /// One token of ``quantize(_:tokens:)``, or some columns of it that begin with a group.
  private func quantize(_ x: Activations, token t: Int, columns: Range<Int>? = nil) {
    guard let groupSize else { return }
    let columns = columns ?? 0..<x.width
    let group = t * ((x.width + groupSize - 1) / groupSize) + columns.lowerBound / groupSize
    kernels.pointee.quantize_q80(
      x.quantized + t * x.stride + columns.lowerBound, x.scales + group, x.offsets + group,
      x.values + t * x.width + columns.lowerBound, columns.count, groupSize)
  }

  private func multiply(
    _ matrix: Matrix, rows: Range<Int>, _ x: Activations, _ out: UnsafeMutablePointer<Float>,
    tokens: Int
  ) {
    let n = matrix.columns
    let first = rows.lowerBound
    switch matrix.values {
    case .float32(let w):
      kernels.pointee.matmul_f32(
        out + first, matrix.rows, w + first * n, x.values, rows.count, n, tokens)
    case .int8(let w, let scales, let groupSize):
      withUnsafePointer(to: x.kernelInput) { input in
        if n % groupSize == 0 {
          kernels.pointee.matmul_q80(
            out + first, matrix.rows, w + first * n, scales + first * n / groupSize, input,
            rows.count, n, groupSize, tokens)
        } else {
          lck_matmul_q80_straddling(
            out + first, matrix.rows, w, scales, input, first, rows.count, n, groupSize, tokens)
        }
      }
    }
  }
}

// MARK: - Sharing out rows

extension Operators {
  /// Calls `body` for consecutive ranges of rows, on all threads.
  ///
  /// - Parameter multiple: What every range but the last is a multiple of.
  private func share(
    rows: Int, bytes: Int, tokens: Int, multipleOf multiple: Int = 1,
    _ body: (_ rows: Range<Int>) -> Void
  ) {
    let chunks =
      tokens == 1
      ? RowChunks(streamOf: rows, threads: pool.threads, multipleOf: multiple)
      : RowChunks(panelsOf: rows, bytes: bytes, threads: pool.threads, multipleOf: multiple)
    pool.run(chunks: chunks.count) { chunk, _ in body(chunks[chunk]) }
  }
}
