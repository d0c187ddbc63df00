/// A tensor as a file stores it: a matrix, or a vector as a matrix of one row.
struct StoredTensor: Hashable, Sendable {
  /// How the values are encoded.
  enum Encoding: Hashable, Sendable {
    /// Rows of blocks, one after the other.
    case blocks(ElementType)
    /// `rows * columns` int8 values; elsewhere one fp32 scale for each group of the flattened tensor.
    case int8(scalesOffset: Int, groupSize: Int)
  }

  /// What its file calls it.
  var name: String
  var file: InputFile
  /// First byte in the file; all bytes were checked to lie inside it.
  var offset: Int
  /// Output features; all dimensions but the innermost, multiplied.
  var rows: Int
  /// Input features: the innermost dimension.
  var columns: Int
  var encoding: Encoding

  /// The type of block, for files that have no other encoding.
  var type: ElementType? {
    guard case .blocks(let type) = encoding else { return nil }
    return type
  }

  /// What the encoding is called.
  var typeName: String {
    switch encoding {
    case .blocks(let type): type.name
    case .int8(_, let groupSize): "int8/\(groupSize)"
    }
  }

  /// Bytes of one row, scales not counted.
  var rowBytes: Int {
    switch encoding {
    case .blocks(let type): columns / type.blockSize * type.blockBytes
    case .int8: columns
    }
  }

  /// Bytes in the file, scales included.
  var byteCount: Int {
    switch encoding {
    case .blocks: rows * rowBytes
    case .int8(_, let groupSize): rows * columns + rows * columns / groupSize * 4
    }
  }
}

extension InputFile: Hashable {
  /// The same open file.
  static func == (left: InputFile, right: InputFile) -> Bool { left === right }

  /// By identity.
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Sizes of a tensor, computed from numbers out of a file without overflow.
enum TensorSize {
  /// The product, or `nil` when it does not fit.
  static func product(_ a: Int, _ b: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? nil : product
  }

  /// Rows, columns and bytes of a shape with its innermost dimension last; `nil` when they overflow or a
  /// dimension is below 1.
  static func of(
    _ shape: [Int], elementBytes: Int
  ) -> (rows: Int, columns: Int, byteCount: Int)? {
    guard shape.allSatisfy({ $0 >= 1 }) else { return nil }
    let columns = shape.last ?? 1
    var rows = 1
    for dimension in shape.dropLast() {
      guard let product = product(rows, dimension) else { return nil }
      rows = product
    }
    guard let count = product(rows, columns), let bytes = product(count, elementBytes) else {
      return nil
    }
    return (rows, columns, bytes)
  }
}
