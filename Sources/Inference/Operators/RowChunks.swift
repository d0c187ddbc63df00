/// How the rows of a matrix product are cut into chunks, which threads take one after the other.
struct RowChunks {
  private let rows: Int
  private let threads: Int
  /// Rows of a chunk of the first round, in which each thread takes one, of the second, and of all others.
  private let sizes: (first: Int, second: Int, rest: Int)

  /// Long chunks first, short ones last: a long stream of memory is read faster than a short one, and short ones
  /// even out threads of unequal speed.
  init(streamOf rows: Int, threads: Int, multipleOf multiple: Int) {
    // Kernels take rows that are shorter than a few registers sixteen at a time.
    let step = leastCommonMultiple(16, multiple)
    func size(percent: Int) -> Int {
      roundedUp(rows * percent, toMultipleOf: step, per: 100 * threads)
    }
    self.rows = rows
    self.threads = threads
    sizes = (size(percent: 60), size(percent: 25), size(percent: 15))
  }

  /// Chunks of one size: few enough to hide their claims, enough to even out threads of unequal speed, and such
  /// that threads of equal speed end together.
  init(panelsOf rows: Int, bytes: Int, threads: Int, multipleOf multiple: Int) {
    let (panel, largest) = (32, 512 << 10)
    let step = leastCommonMultiple(panel, multiple)
    func size(chunksPerThread count: Int) -> Int {
      roundedUp(rows, toMultipleOf: step, per: threads * count)
    }
    func mostRowsOfAThread(chunksPerThread count: Int) -> Int {
      let size = size(chunksPerThread: count)
      let chunks = (rows + size - 1) / size
      return (chunks + threads - 1) / threads * size
    }
    let needed = max(1, (bytes + threads * largest - 1) / (threads * largest))
    let best = (needed...max(4, needed + 3)).reversed().min {
      mostRowsOfAThread(chunksPerThread: $0) < mostRowsOfAThread(chunksPerThread: $1)
    }
    let each = size(chunksPerThread: best ?? needed)
    self.rows = rows
    self.threads = threads
    sizes = (each, each, each)
  }

  /// How many chunks there are.
  var count: Int {
    var (left, count) = (rows, 0)
    for size in [sizes.first, sizes.second] where left > 0 {
      let taken = min(threads, (left + size - 1) / size)
      left -= taken * size
      count += taken
    }
    return left > 0 ? count + (left + sizes.rest - 1) / sizes.rest : count
  }

  /// The rows of a chunk.
  subscript(chunk: Int) -> Range<Int> {
    let (first, second) = (min(chunk, threads), min(max(chunk - threads, 0), threads))
    let rest = max(chunk - 2 * threads, 0)
    let start = first * sizes.first + second * sizes.second + rest * sizes.rest
    let size = chunk < threads ? sizes.first : chunk < 2 * threads ? sizes.second : sizes.rest
    return start..<min(start + size, rows)
  }
}

/// count / parts, rounded up to a multiple of `step`, at least one `step`.
private func roundedUp(_ count: Int, toMultipleOf step: Int, per parts: Int) -> Int {
  max(1, (count + parts * step - 1) / (parts * step)) * step
}

private func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
  var (x, y) = (a, b)
  while y != 0 { (x, y) = (y, x % y) }
  return a / x * b
}
