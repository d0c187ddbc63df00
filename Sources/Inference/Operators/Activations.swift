import CKernels

/// The input of matrix products: a batch of rows of floats and, for int8 matrices, the same rows as int8 groups.
struct Activations {
  /// (batch, width).
  let values: UnsafeMutablePointer<Float>
  /// Elements of a row.
  let width: Int
  /// (batch, stride): what ``Operators/quantize(_:tokens:)`` made of the values.
  let quantized: UnsafeMutablePointer<Int8>
  /// (batch, groups).
  let scales: UnsafeMutablePointer<Float>
  /// (batch, groups): see `lck_quantized`.
  let offsets: UnsafeMutablePointer<Int32>
  /// Bytes from one quantised row to the next.
  let stride: Int

  init(batch: Int, width: Int, in memory: ScratchMemory) throws(InferenceError) {
    values = try memory.take(batch * width)
    self.width = width
    stride = lck_stride(width)
    quantized = try memory.take(batch * stride)
    // No group is smaller than an element. Pages that stay untouched take no memory.
    scales = try memory.take(batch * width)
    offsets = try memory.take(batch * width)
  }

  /// Bytes of a row of `width` elements.
  static func byteCount(_ width: Int) -> Int { lck_stride(width) + 12 * width }

  /// The rows as the kernels take them.
  var kernelInput: lck_quantized {
    lck_quantized(values: quantized, scales: scales, offsets: offsets, stride: stride)
  }
}
