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

  init(batch: Int, width: Int) {
    values = allocateAligned(batch * width)
    self.width = width
    stride = lck_stride(width)
    quantized = allocateAligned(batch * stride)
    // No group is smaller than an element. Pages that stay untouched take no memory.
    scales = allocateAligned(batch * width)
    offsets = allocateAligned(batch * width)
  }

  func deallocate() {
    values.deallocate()
    quantized.deallocate()
    scales.deallocate()
    offsets.deallocate()
  }

  /// The rows as the kernels take them.
  var kernelInput: lck_quantized {
    lck_quantized(values: quantized, scales: scales, offsets: offsets, stride: stride)
  }
}

/// Memory that starts on a cache line.
func allocateAligned<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
  UnsafeMutableRawPointer.allocate(
    byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64
  ).bindMemory(to: Element.self, capacity: count)
}
