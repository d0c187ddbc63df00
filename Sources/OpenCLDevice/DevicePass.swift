import Inference
import ModelFile

/// The steps of one forward pass, each of them one kernel or few.
struct DevicePass {
  let queue: DeviceQueue
  let shape: KernelShape
  let kernels: LayerKernels
  let scratch: DeviceScratch
  let memory: DeviceMemory
  /// Of the first token.
  let position: Int
  let tokens: Int

  var isBatch: Bool { tokens > 1 }
  private var attention: AttentionKernels { memory.kernels[isBatch: isBatch] }

  func embed(_ table: DeviceMatrix) throws {
    let dim = shape.config.dim
    try queue.launch(
      kernels.embed, groups: ((dim + 63) / 64, tokens, 1), items: 64,
      [.buffer(scratch.x), .buffer(scratch.tokens)] + table.arguments)
  }

  /// xb = norm of x, in the form that products take.
  func normalize(_ weight: DeviceBuffer) throws { try normalize(weight, first: 0, tokens: tokens) }

  /// The same for the last token alone.
  func normalizeLast(_ weight: DeviceBuffer) throws {
    try normalize(weight, first: tokens - 1, tokens: 1)
  }

  private func normalize(_ weight: DeviceBuffer, first: Int, tokens: Int) throws {
    try queue.launch(
      kernels.rmsnorm, groups: (tokens, 1, 1), items: KernelShape.normItems,
      scratch.xb.output + [.buffer(scratch.x), .int(first), .buffer(weight)])
  }

  func projectQKV(_ wq: DeviceMatrix, _ wk: DeviceMatrix, _ wv: DeviceMatrix, layer: Int) throws {
    let config = shape.config
    try product(
      attention.projectQKV, tiles: tiles(config.dim) + 2 * tiles(config.kvDim),
      [.buffer(scratch.q)] + cache(layer) + [
        .buffer(scratch.rows), .buffer(scratch.cosines), .buffer(scratch.sines), .int(position),
        .int(tokens),
      ] + scratch.xb.input + wq.arguments + wk.arguments + wv.arguments)
    guard let keepRows = attention.keepRows else { return }
    try queue.launch(
      keepRows, groups: (config.kvHeads, tokens, 2), items: 1,
      cache(layer) + [.buffer(scratch.rows), .int(position), .int(tokens)])
  }

  /// xb = what each head sees, in the form that products take.
  func attend(layer: Int) throws {
    let together = shape.queryTokens(isBatch: isBatch)
    for first in stride(from: 0, to: tokens, by: DeviceBackend.attentionTokens) {
      let count = min(DeviceBackend.attentionTokens, tokens - first)
      try queue.launch(
        attention.attend, groups: (shape.config.kvHeads, (count + together - 1) / together, 1),
        items: KernelShape.attentionItems,
        [.buffer(scratch.xb.values), .buffer(scratch.q), .buffer(memory.scores)]
          + [.int(memory.layout.rows)] + cache(layer) + [.int(position), .int(first), .int(count)])
    }
    try quantize(scratch.xb, width: shape.config.dim)
  }

  /// x += wo xb.
  func projectHeads(_ wo: DeviceMatrix) throws {
    try product(
      kernels.projectHeads, tiles: tiles(shape.config.dim),
      [.buffer(scratch.x), .int(tokens)] + scratch.xb.input + wo.arguments)
  }

  /// hb = silu(w1 xb) * (w3 xb), in the form that products take.
  func gate(_ w1: DeviceMatrix, _ w3: DeviceMatrix) throws {
    let hidden = shape.config.hiddenDim
    try product(
      kernels.gate, tiles: (hidden + shape.gateRows - 1) / shape.gateRows,
      scratch.hb.output + [.int(tokens)] + scratch.xb.input + w1.arguments + w3.arguments)
    if !shape.gateQuantizes { try quantize(scratch.hb, width: hidden) }
  }

  /// x += w2 hb.
  func projectHidden(_ w2: DeviceMatrix) throws {
    try product(
      kernels.projectHidden, tiles: tiles(shape.config.dim),
      [.buffer(scratch.x), .int(tokens)] + scratch.hb.input + w2.arguments)
  }

  /// logits = classifier times the one row that was normalised last.
  func classify(_ classifier: DeviceMatrix, with kernel: DeviceKernel) throws {
    try queue.launch(
      kernel, groups: (tiles(shape.config.vocabSize), 1, 1),
      items: shape.productItems(isBatch: false),
      [.buffer(scratch.logits)] + scratch.xb.input + classifier.arguments)
  }

  // MARK: - Pieces

  private func product(
    _ kernel: DeviceKernel, tiles: Int, _ arguments: [DeviceQueue.Argument]
  ) throws {
    let together = shape.tileTokens(isBatch: isBatch)
    try queue.launch(
      kernel, groups: (tiles, (tokens + together - 1) / together, 1),
      items: shape.productItems(isBatch: isBatch), arguments)
  }

  /// The int8 form of rows, for int8 models.
  private func quantize(_ rows: DeviceScratch.Rows, width: Int) throws {
    guard let kernel = kernels.quantize, let groupSize = shape.groupSize else { return }
    let (groups, items) = ((width + groupSize - 1) / groupSize, KernelShape.quantizeItems)
    try queue.launch(
      kernel, groups: ((groups + items - 1) / items, tokens, 1), items: items,
      rows.quantized.map { .buffer($0) } + [.buffer(rows.values), .int(width)])
  }

  private func tiles(_ rows: Int) -> Int {
    (rows + KernelShape.tileRows - 1) / KernelShape.tileRows
  }

  private func cache(_ layer: Int) -> [DeviceQueue.Argument] {
    [
      .buffer(memory.layers[layer]), .size(memory.layout.planeBytes),
      .size(memory.layout.scaleBytes),
    ]
  }
}
