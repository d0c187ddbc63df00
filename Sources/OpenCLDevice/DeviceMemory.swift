import Inference

/// Keys and values on a device, a buffer a layer, with what attention over them needs.
final class DeviceMemory: KVMemory {
  let layout: KVLayout
  let layers: [DeviceBuffer]
  /// What attention computes on its way, for ``DeviceBackend/attentionTokens`` tokens: scores, or sums of splits.
  let parts: DeviceBuffer
  let queue: DeviceQueue

  init(
    layout: KVLayout, layers: [DeviceBuffer], parts: DeviceBuffer, queue: DeviceQueue
  ) {
    self.layout = layout
    self.layers = layers
    self.parts = parts
    self.queue = queue
  }

  func read(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withCopy(range.count) { bytes in
      let (layer, offset) = range.lowerBound.quotientAndRemainder(dividingBy: layout.layerBytes)
      try queue.read(layers[layer], at: offset, into: bytes)
      try body(UnsafeRawBufferPointer(bytes))
    }
  }

  func write(_ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    try withCopy(range.count) { bytes in
      try body(bytes)
      let (layer, offset) = range.lowerBound.quotientAndRemainder(dividingBy: layout.layerBytes)
      try queue.write(UnsafeRawBufferPointer(bytes), to: layers[layer], at: offset)
    }
  }

  /// Lends memory of this program for bytes on their way.
  private func withCopy(
    _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let memory = try ScratchMemory(byteCount: count)
    let start: UnsafeMutablePointer<UInt8> = try memory.take(count)
    try withExtendedLifetime(memory) {
      try body(UnsafeMutableRawBufferPointer(start: start, count: count))
    }
  }
}
