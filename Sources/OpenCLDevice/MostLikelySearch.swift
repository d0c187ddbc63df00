/// Finds the most likely token where the logits are, so that only some bytes of them come back.
struct MostLikelySearch {
  private let queue: DeviceQueue
  private let kernel: DeviceKernel
  /// (2) for each stretch of logits: the bits of the highest, and its place.
  private let candidates: DeviceBuffer

  /// - Parameters:
  ///   - program: Has the kernel `most_likely`.
  ///   - logits: As many as there ever are.
  init(_ program: DeviceProgram, logits: Int) throws(DeviceError) {
    queue = program.queue
    kernel = try program.kernel("most_likely")
    candidates = try DeviceBuffer(queue, byteCount: 8 * Self.stretches(logits))
  }

  /// The first of the highest of the first `count` logits, after all that was asked of the queue before; `count`
  /// when one of them is NaN or infinite.
  func first(of logits: DeviceBuffer, among count: Int) throws(DeviceError) -> Int {
    let stretches = Self.stretches(count)
    try queue.launch(
      kernel, groups: (stretches, 1, 1), items: KernelShape.choiceItems,
      [.buffer(candidates), .buffer(logits), .int(count)])
    var found = [Int32](repeating: 0, count: 2 * stretches)
    let code = found.withUnsafeMutableBytes { bytes in
      Result { () throws(DeviceError) in try queue.read(candidates, into: bytes) }
    }
    try code.get()
    var (place, highest) = (count, -Float.infinity)
    for stretch in 0..<stretches {
      let candidate = Int(found[2 * stretch + 1])
      guard candidate >= 0 else { return count }
      let value = Float(bitPattern: UInt32(bitPattern: found[2 * stretch]))
      if value > highest { (place, highest) = (candidate, value) }
    }
    return place
  }

  private static func stretches(_ logits: Int) -> Int {
    (logits + KernelShape.choiceStretch - 1) / KernelShape.choiceStretch
  }
}
