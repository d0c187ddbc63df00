import ModelFile

/// Scratch memory of one forward pass on a device; shapes as in the processors' workspace.
struct DeviceScratch {
  /// (batch) ids.
  let tokens: DeviceBuffer
  /// (batch, headSize / 2) each.
  let cosines: DeviceBuffer
  let sines: DeviceBuffer
  /// (batch, dim): the residual stream.
  let x: DeviceBuffer
  /// (batch, dim): the residual stream after a norm; then the attention's output.
  let xb: Rows
  /// (batch, dim).
  let q: DeviceBuffer
  /// (2, batch, kvDim): keys and values on their way to an int8 cache.
  let rows: DeviceBuffer
  /// (batch, hiddenDim): the gated up projection.
  let hb: Rows
  /// (vocabSize).
  let logits: DeviceBuffer

  /// Rows of floats and, for int8 models, their int8 groups.
  struct Rows {
    let values: DeviceBuffer
    /// int8 values and scales; empty for fp32 models.
    let quantized: [DeviceBuffer]

    /// As the input of a product.
    var input: [DeviceQueue.Argument] {
      (quantized.isEmpty ? [values] : quantized).map { .buffer($0) }
    }
    /// As the output of a step.
    var output: [DeviceQueue.Argument] { ([values] + quantized).map { .buffer($0) } }

    init(_ queue: DeviceQueue, count: Int, width: Int, groupSize: Int?) throws(DeviceError) {
      values = try DeviceBuffer(queue, byteCount: count * width * 4)
      guard let groupSize else {
        quantized = []
        return
      }
      let groups = (width + groupSize - 1) / groupSize
      quantized = [
        try DeviceBuffer(queue, byteCount: count * width),
        try DeviceBuffer(queue, byteCount: count * groups * 4),
      ]
    }
  }

  init(
    _ queue: DeviceQueue, config: ModelConfig, groupSize: Int?, batch: Int
  ) throws(DeviceError) {
    func floats(_ count: Int) throws(DeviceError) -> DeviceBuffer {
      try DeviceBuffer(queue, byteCount: count * 4)
    }
    tokens = try floats(batch)
    cosines = try floats(batch * config.headSize / 2)
    sines = try floats(batch * config.headSize / 2)
    x = try floats(batch * config.dim)
    xb = try Rows(queue, count: batch, width: config.dim, groupSize: groupSize)
    q = try floats(batch * config.dim)
    rows = try floats(2 * batch * config.kvDim)
    hb = try Rows(queue, count: batch, width: config.hiddenDim, groupSize: groupSize)
    logits = try floats(config.vocabSize)
  }

  /// Bytes that they take together, about.
  static func byteCount(config: ModelConfig, batch: Int) -> Int {
    4 * (batch * (5 * config.dim + 2 * config.hiddenDim + 2 * config.kvDim) + config.vocabSize)
  }
}
