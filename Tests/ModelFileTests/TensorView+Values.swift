import ModelFile

extension TensorView {
  /// The values as floats.
  var dequantized: [Float] {
    switch values {
    case .float32(let floats):
      Array(UnsafeBufferPointer(start: floats, count: rows * columns))
    case .int8(let quantized, let scales, let groupSize):
      (0..<(rows * columns)).map { Float(quantized[$0]) * scales[$0 / groupSize] }
    }
  }

  /// Half a quantisation step around each value, with room for the rounding of the product.
  var halfScales: [Float] {
    switch values {
    case .float32: Array(repeating: 0, count: rows * columns)
    case .int8(_, let scales, let groupSize):
      (0..<(rows * columns)).map { scales[$0 / groupSize] * 0.50001 }
    }
  }
}
