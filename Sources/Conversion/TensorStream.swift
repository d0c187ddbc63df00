import ModelFile

/// Reads tensors as fp32 in chunks of whole rows, so that memory does not grow with the model.
struct TensorStream {
  /// Values of a chunk, unless one row has more: 1 MB as fp32, which stays in the cache.
  private static let chunkValues = 1 << 18

  let input: InputFile

  /// Calls `body` with each chunk's values, row-major, and the number of rows done with it.
  ///
  /// - Throws: ``ConversionError`` naming tensor and index for a value that is not finite.
  func forEachChunk(
    of tensor: GGUFTensor,
    _ body: (_ values: UnsafeBufferPointer<Float>, _ rowsDone: Int) throws -> Void
  ) throws {
    let chunkRows = min(tensor.rows, max(1, Self.chunkValues / tensor.columns))
    var stored = [UInt8](repeating: 0, count: chunkRows * tensor.rowBytes)
    var values = [Float](repeating: 0, count: chunkRows * tensor.columns)
    for row in stride(from: 0, to: tensor.rows, by: chunkRows) {
      let rows = min(chunkRows, tensor.rows - row)
      try stored.withUnsafeMutableBytes { stored in
        let bytes = UnsafeMutableRawBufferPointer(rebasing: stored[..<(rows * tensor.rowBytes)])
        try input.read(at: tensor.offset + row * tensor.rowBytes, into: bytes)
        try values.withUnsafeMutableBufferPointer { values in
          let chunk = UnsafeMutableBufferPointer(rebasing: values[..<(rows * tensor.columns)])
          tensor.type.dequantize(UnsafeRawBufferPointer(bytes), into: chunk)
          try checkFinite(UnsafeBufferPointer(chunk), of: tensor, firstIndex: row * tensor.columns)
          try body(UnsafeBufferPointer(chunk), row + rows)
        }
      }
    }
  }

  /// Whether two tensors of the same type and shape have the same bytes.
  func areIdentical(_ a: GGUFTensor, _ b: GGUFTensor) throws -> Bool {
    guard a.type == b.type, a.rows == b.rows, a.columns == b.columns else { return false }
    let chunk = min(a.byteCount, 1 << 20)
    var left = [UInt8](repeating: 0, count: chunk)
    var right = left
    for start in stride(from: 0, to: a.byteCount, by: chunk) {
      let count = min(chunk, a.byteCount - start)
      try left.withUnsafeMutableBytes {
        try input.read(at: a.offset + start, into: .init(rebasing: $0[..<count]))
      }
      try right.withUnsafeMutableBytes {
        try input.read(at: b.offset + start, into: .init(rebasing: $0[..<count]))
      }
      guard left == right else { return false }
    }
    return true
  }

  private func checkFinite(
    _ values: UnsafeBufferPointer<Float>, of tensor: GGUFTensor, firstIndex: Int
  ) throws {
    guard let index = values.firstNonFinite else { return }
    throw ConversionError(
      place: input.path,
      reason: "tensor '\(tensor.name)' has \(values[index]) at index \(firstIndex + index); "
        + "weights must be finite numbers",
      kind: .damagedNumbers)
  }
}
