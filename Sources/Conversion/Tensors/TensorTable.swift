import ModelFile

/// The tensors of a source by the names its format gives them.
struct TensorTable: Sendable {
  /// Where a tensor belongs in a model file.
  struct Place: Hashable, Sendable {
    var role: TensorRole
    var layer: Int
  }

  /// What the tensors are of, for errors: a file or a directory.
  let path: String
  private var byName: [String: StoredTensor]

  /// Takes tensors whose names differ.
  init(path: String, _ tensors: some Sequence<StoredTensor>) {
    self.path = path
    byName = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
  }

  /// A tensor by its name.
  subscript(name: String) -> StoredTensor? { byName[name] }

  /// All names, sorted.
  var names: [String] { byName.keys.sorted() }

  /// The tensors in the order and shapes of `layout`, leaving none over.
  ///
  /// - Parameters:
  ///   - ignored: Whether a left-over tensor means nothing to the model.
  ///   - name: What the format calls a tensor; `nil` for what it does not have.
  /// - Throws: ``ConversionError`` when one is missing, has another shape, or is left over.
  func tensors(
    for layout: TensorLayout, ignored: (_ name: String) -> Bool,
    name: (_ role: TensorRole, _ layer: Int) -> String?
  ) throws -> [Place: StoredTensor] {
    var missing: [String] = []
    var unused = Set(byName.keys)
    var found: [Place: StoredTensor] = [:]
    for span in layout.tensors {
      guard let name = name(span.role, span.layer) else { continue }
      guard let tensor = byName[name] else {
        missing.append(name)
        continue
      }
      unused.remove(name)
      guard tensor.rows == span.rows, tensor.columns == span.columns else {
        throw damaged(
          "tensor '\(name)' has \(tensor.rows) rows of \(tensor.columns) values; "
            + "expected \(span.rows) rows of \(span.columns)")
      }
      found[Place(role: span.role, layer: span.layer)] = tensor
    }
    guard missing.isEmpty else { throw damaged("lacks \(Self.list(missing))") }
    unused = unused.filter { !ignored($0) }
    guard unused.isEmpty else {
      throw damaged(
        "has \(Self.list(unused.sorted())) that a Llama-2 model does not have; "
          + "without it the text would be wrong")
    }
    return found
  }

  /// The first few names, and how many there are.
  static func list(_ names: [String], of noun: String = "tensor") -> String {
    let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    guard names.count > 1 else { return "\(noun) \(shown)" }
    return "\(names.count) \(noun)s: \(shown)" + (names.count > 5 ? ", …" : "")
  }

  private func damaged(_ reason: String) -> ConversionError {
    ConversionError(place: path, reason: reason, kind: .damagedFile)
  }
}

extension SourceTensor {
  /// Whether another tensor has the same values, read side by side until they differ.
  ///
  /// Tells a tied classifier from one of its own, as export.py's `torch.equal` does.
  func hasSameValues(as other: SourceTensor) throws -> Bool {
    guard rows == other.rows, columns == other.columns else { return false }
    let step = max(1, (1 << 18) / max(1, columns))
    var left = [Float](repeating: 0, count: min(step, rows) * columns)
    var right = left
    var scratch = [UInt8](
      repeating: 0,
      count: max(scratchSize(rowCount: step), other.scratchSize(rowCount: step)))
    for row in stride(from: 0, to: rows, by: step) {
      let range = row..<min(row + step, rows)
      let count = range.count * columns
      try scratch.withUnsafeMutableBytes { scratch in
        try left.withUnsafeMutableBufferPointer {
          try read(rows: range, scratch: scratch, into: .init(rebasing: $0[..<count]))
        }
        try right.withUnsafeMutableBufferPointer {
          try other.read(rows: range, scratch: scratch, into: .init(rebasing: $0[..<count]))
        }
      }
      guard left[..<count] == right[..<count] else { return false }
    }
    return true
  }
}
