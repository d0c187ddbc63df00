import ModelFile

/// A tensor of the model, put together from what files store: shards side by side, rows reordered.
struct SourceTensor: Sendable {
  /// Which way shards are put together.
  enum Axis: Sendable { case rows, columns }

  /// The order of rows in the files.
  enum RowOrder: Sendable {
    /// That of model files.
    case asStored
    /// Hugging Face's q and k: in each head the first elements of all rotary pairs, then the second
    /// ones. Row `2i + j` of a head is its stored row `j * headSize / 2 + i`.
    case halves(headSize: Int)
  }

  let parts: [StoredTensor]
  let axis: Axis
  let order: RowOrder
  /// Output features.
  let rows: Int
  /// Input features.
  let columns: Int

  /// A tensor that is in one piece.
  init(_ part: StoredTensor, order: RowOrder = .asStored) {
    parts = [part]
    axis = .rows
    self.order = order
    rows = part.rows
    columns = part.columns
  }

  /// A tensor in shards; `parts` are as high as each other (columns) or as wide (rows).
  init(_ parts: [StoredTensor], axis: Axis) {
    self.parts = parts
    self.axis = axis
    order = .asStored
    rows = axis == .rows ? parts.reduce(0) { $0 + $1.rows } : parts.first?.rows ?? 0
    columns = axis == .columns ? parts.reduce(0) { $0 + $1.columns } : parts.first?.columns ?? 0
  }

  /// What its files call it.
  var name: String { parts.first?.name ?? "" }
  /// Bytes in the files.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// Most bytes of stored values that reading `rowCount` rows needs at once.
  func scratchSize(rowCount: Int) -> Int {
    let size = (parts.map(\.rowBytes).max() ?? 0) * rowCount
    guard case .int8(_, let groupSize) = parts.first?.encoding else { return size }
    return size + (size / groupSize + 2) * MemoryLayout<Float>.size
  }

  /// Reads whole rows as fp32, row-major.
  ///
  /// - Parameters:
  ///   - range: Rows of the model's order.
  ///   - scratch: At least ``scratchSize(rowCount:)`` bytes.
  ///   - values: Room for `range.count * columns` values.
  /// - Throws: ``ConversionError`` when a file cannot be read, and for a value that is not finite, naming
  ///   tensor and index.
  func read(
    rows range: Range<Int>, scratch: UnsafeMutableRawBufferPointer,
    into values: UnsafeMutableBufferPointer<Float>
  ) throws {
    switch (axis, order) {
    case (.columns, _): try readColumns(range, scratch, values)
    case (.rows, .asStored): try readShards(range, scratch, values)
    case (.rows, .halves(let headSize)): try readPairs(range, headSize, scratch, values)
    }
    try checkFinite(UnsafeBufferPointer(values), firstRow: range.lowerBound)
  }

  private func readShards(
    _ range: Range<Int>, _ scratch: UnsafeMutableRawBufferPointer,
    _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    var first = 0
    for part in parts {
      let wanted = range.clamped(to: first..<first + part.rows)
      if !wanted.isEmpty {
        let start = (wanted.lowerBound - range.lowerBound) * columns
        try part.read(
          firstRow: wanted.lowerBound - first, count: wanted.count, scratch,
          RowPlaces(start: start, stride: columns), values)
      }
      first += part.rows
    }
  }

  private func readColumns(
    _ range: Range<Int>, _ scratch: UnsafeMutableRawBufferPointer,
    _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    var column = 0
    for part in parts {
      try part.read(
        firstRow: range.lowerBound, count: range.count, scratch,
        RowPlaces(start: column, stride: columns), values)
      column += part.columns
    }
  }

  /// Reads head by head: the even rows of the model's order are stored together, and the odd ones.
  private func readPairs(
    _ range: Range<Int>, _ headSize: Int, _ scratch: UnsafeMutableRawBufferPointer,
    _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let part = parts.first else { return }
    var row = range.lowerBound
    while row < range.upperBound {
      let head = row / headSize * headSize
      let end = min(range.upperBound, head + headSize)
      for half in 0..<2 {
        // The first row in row..<end that is the `half`th element of a pair.
        let first = (row - head) % 2 == half ? row : row + 1
        guard first < end else { continue }
        try part.read(
          firstRow: head + half * headSize / 2 + (first - head) / 2,
          count: (end - first + 1) / 2, scratch,
          RowPlaces(start: (first - range.lowerBound) * columns, stride: 2 * columns), values)
      }
      row = end
    }
  }

  private func checkFinite(_ values: UnsafeBufferPointer<Float>, firstRow: Int) throws {
    guard let index = values.firstNonFinite else { return }
    throw ConversionError(
      place: parts.first?.file.path,
      reason: "tensor '\(name)' has \(values[index]) at index \(firstRow * columns + index); "
        + "weights must be finite numbers",
      kind: .damagedNumbers)
  }
}

/// Where rows go among the values read.
struct RowPlaces {
  /// Index of the first row's first value.
  var start: Int
  /// From one row's first value to the next one's.
  var stride: Int
}

extension StoredTensor {
  /// Reads `count` rows and puts each where `places` says.
  fileprivate func read(
    firstRow: Int, count: Int, _ scratch: UnsafeMutableRawBufferPointer, _ places: RowPlaces,
    _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    let stored = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * rowBytes)])
    try file.read(at: offset + firstRow * rowBytes, into: stored)
    switch encoding {
    case .blocks(let type):
      if places.stride == columns {
        let end = places.start + count * columns
        return type.dequantize(
          UnsafeRawBufferPointer(stored), into: .init(rebasing: values[places.start..<end]))
      }
      for row in 0..<count {
        let start = places.start + row * places.stride
        type.dequantize(
          UnsafeRawBufferPointer(rebasing: stored[row * rowBytes..<(row + 1) * rowBytes]),
          into: .init(rebasing: values[start..<start + columns]))
      }
    case .int8(let scalesOffset, let groupSize):
      let firstValue = firstRow * columns
      let firstGroup = firstValue / groupSize
      let groups = (firstValue + count * columns - 1) / groupSize - firstGroup + 1
      let size = MemoryLayout<Float>.size
      let scales = UnsafeMutableRawBufferPointer(
        rebasing: scratch[stored.count..<stored.count + groups * size])
      try file.read(at: scalesOffset + firstGroup * size, into: scales)
      // Int8 tensors are in one piece and in order: their rows follow each other here as well.
      var index = 0
      while index < count * columns {
        let group = (firstValue + index) / groupSize
        let end = min(count * columns, (group + 1) * groupSize - firstValue)
        let scale = scales.loadUnaligned(
          fromByteOffset: (group - firstGroup) * size, as: Float.self)
        for value in index..<end {
          values[places.start + value] = Float(Int8(bitPattern: stored[value])) * scale
        }
        index = end
      }
    }
  }
}
