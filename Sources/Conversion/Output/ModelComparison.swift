import ModelFile

/// Some tensors of a source that are alike, for listings.
public struct TensorSummary: Sendable {
  /// What they are.
  public let role: TensorRole
  /// How many there are, one a block.
  public let count: Int
  /// Output features of each.
  public let rows: Int
  /// Input features of each.
  public let columns: Int
  /// How their values are stored: `F16`, `Q4_K, Q6_K`.
  public let types: String
  /// Bytes of all in the source's files.
  public let byteCount: Int
}

/// How far a tensor's values are from another model's.
public struct TensorDifference: Sendable {
  /// What it is: `wq of layer 3`.
  public let name: String
  /// Root of the mean square of the first model's values.
  public let magnitude: Double
  /// Root of the mean square of the differences.
  public let error: Double
  /// The largest difference.
  public let largest: Double
}

extension ModelConverter {
  /// The source's tensors, one entry a role, in the order of a version 1 file.
  public func summaries() throws -> [TensorSummary] {
    let layout = try TensorLayout(config: config, format: .v1)
    let roles = Dictionary(grouping: layout.tensors, by: \.role)
    return layout.tensors.filter { $0.layer == 0 }.map { span in
      let tensors = (roles[span.role] ?? []).compactMap { source.tensor($0.role, layer: $0.layer) }
      let types = Set(tensors.flatMap { $0.parts.map(\.typeName) })
      return TensorSummary(
        role: span.role, count: tensors.count, rows: span.rows, columns: span.columns,
        types: types.sorted().joined(separator: ", "),
        byteCount: tensors.reduce(0) { $0 + $1.byteCount })
    }
  }

  /// Reads every value and every scale.
  ///
  /// - Parameter progress: Called with tensors done and all tensors. Throwing stops the reading.
  /// - Throws: ``ConversionError`` at the first NaN, infinity or negative scale.
  public func verify(progress: (_ done: Int, _ total: Int) throws -> Void) throws {
    let items = try TensorLayout(config: config, format: .v1).tensors.compactMap { span in
      source.tensor(span.role, layer: span.layer).map { TensorReading.Item(tensor: $0) }
    }
    try TensorReading(items).run { _, number, _ in try progress(number + 1, items.count) }
    for file in source.files { try file.checkUnchanged() }
  }

  /// Reads the tensors of two models of the same shape side by side.
  ///
  /// - Parameter body: Called with each tensor's difference, in the order of a version 1 file; `other`
  ///   is what is off.
  /// - Throws: ``ConversionError`` when the shapes differ or a value is damaged, and what `body` throws.
  public func compare(
    with other: ModelConverter, _ body: (TensorDifference) throws -> Void
  ) throws {
    var theirs = other.config
    theirs.contextLength = config.contextLength
    theirs.sharedClassifier = config.sharedClassifier
    guard theirs == config else {
      throw ConversionError(
        place: other.source.facts.path,
        reason:
          "is a model of another shape than \(source.facts.path); only models of the same shape "
          + "can be compared", kind: .damagedFile)
    }
    let spans = try TensorLayout(config: config, format: .v1).tensors.filter {
      source.tensor($0.role, layer: $0.layer) != nil
        && other.source.tensor($0.role, layer: $0.layer) != nil
    }
    let items = spans.compactMap { source.tensor($0.role, layer: $0.layer) }
    let otherItems = spans.compactMap { other.source.tensor($0.role, layer: $0.layer) }
    let chunk = TensorChunk()
    var sums = DifferenceSums()
    try TensorReading(items.map { TensorReading.Item(tensor: $0) }).run { mine, number, rows in
      try chunk.read(rows, of: otherItems[number])
      sums.add(mine.values, chunk.values)
      guard rows.upperBound == spans[number].rows else { return }
      try body(sums.difference(name: spans[number].name))
      sums = DifferenceSums()
    }
  }
}

/// What a tensor's difference is computed from.
private struct DifferenceSums {
  private var count = 0.0
  private var squares = 0.0
  private var errors = 0.0
  private var largest: Float = 0

  mutating func add(_ values: [Float], _ others: [Float]) {
    for (value, other) in zip(values, others) {
      let error = other - value
      squares += Double(value) * Double(value)
      errors += Double(error) * Double(error)
      largest = max(largest, abs(error))
    }
    count += Double(values.count)
  }

  func difference(name: String) -> TensorDifference {
    TensorDifference(
      name: name, magnitude: (squares / max(1, count)).squareRoot(),
      error: (errors / max(1, count)).squareRoot(), largest: Double(largest))
  }
}
