import Inference
import ModelFile

/// The steps of one forward pass, each of them one kernel or few.
struct DevicePass {
  let queue: DeviceQueue
  let shape: KernelShape
  let shared: SharedKernels
  let layer: LayerKernels
  let attention: AttentionKernels
  let scratch: DeviceScratch
  let memory: DeviceMemory
  /// Of the first token.
  let position: Int
  let tokens: Int

  var isBatch: Bool { tokens > 1 }

  func embed(_ table: DeviceMatrix) throws {
    let dim = shape.config.dim
    try queue.launch(
      shared.embed, groups: ((dim + 63) / 64, tokens, 1), items: 64,
      [.buffer(scratch.x), .buffer(scratch.tokens), .int(dim)] + table.arguments)
  }

  /// xb = norm of x, in the form that products take.
  func normalize(_ weight: DeviceBuffer) throws { try normalize(weight, first: 0, tokens: tokens) }

  /// The same for the last token alone.
  func normalizeLast(_ weight: DeviceBuffer) throws {
    try normalize(weight, first: tokens - 1, tokens: 1)
  }

  private func normalize(_ weight: DeviceBuffer, first: Int, tokens: Int) throws {
    try queue.launch(
      shared.rmsnorm, groups: (tokens, 1, 1), items: KernelShape.normItems,
      scratch.xb.output + [
        .buffer(scratch.x), .int(first), .buffer(weight), .int(shape.config.dim),
        .float(shape.epsilon),
      ])
  }

  func projectQKV(_ wq: DeviceMatrix, _ wk: DeviceMatrix, _ wv: DeviceMatrix, layer: Int) throws {
    let config = shape.config
    try product(
      self.layer.projectQKV, tiles: tiles(config.dim) + 2 * tiles(config.kvDim),
      [.buffer(scratch.q)] + cache(layer) + [
        .int(KernelShape.number(of: memory.layout.type)), .buffer(scratch.rows),
        .buffer(scratch.cosines), .buffer(scratch.sines), .int(config.dim), .int(config.kvDim),
        .int(config.headSize), .int(position), .int(tokens),
      ] + scratch.xb.input + wq.arguments + wk.arguments + wv.arguments)
    guard let keepRows = attention.keepRows else { return }
    try queue.launch(
      keepRows, groups: (config.kvHeads, tokens, 2), items: 1,
      cache(layer) + [
        .buffer(scratch.rows), .int(config.kvDim), .int(position), .int(tokens),
      ])
  }

  /// xb = what each head sees, in the form that products take.
  func attend(layer: Int) throws {
    let config = shape.config
    let together = shape.queryTokens(isBatch: isBatch)
    for first in stride(from: 0, to: tokens, by: DeviceBackend.attentionTokens) {
      let count = min(DeviceBackend.attentionTokens, tokens - first)
      let splits = shape.splits(of: position + first + count)
      let stride: [DeviceQueue.Argument] =
        shape.attendsInOnePass ? [] : [.int(memory.layout.rows)]
      try queue.launch(
        attention.attend,
        groups: (config.kvHeads * shape.queryChunks, (count + together - 1) / together, splits),
        items: KernelShape.attentionItems,
        [.buffer(scratch.xb.values), .buffer(scratch.q), .buffer(memory.parts)] + stride
          + cache(layer) + [.int(config.dim), .int(position), .int(first), .int(count)])
      guard splits > 1, let combine = attention.combine else { continue }
      try queue.launch(
        combine, groups: (config.heads, count, 1), items: KernelShape.combineItems,
        [
          .buffer(scratch.xb.values), .buffer(memory.parts), .int(config.dim), .int(splits),
          .int(position), .int(first),
        ])
    }
    try quantize(scratch.xb, width: shape.config.dim)
  }

  /// x += wo xb.
  func projectHeads(_ wo: DeviceMatrix) throws {
    try project(wo, of: scratch.xb, width: shape.config.dim, with: layer.project)
  }

  /// hb = silu(w1 xb) * (w3 xb), in the form that products take.
  func gate(_ w1: DeviceMatrix, _ w3: DeviceMatrix) throws {
    let hidden = shape.config.hiddenDim
    try product(
      layer.gate, tiles: (hidden + shape.gateRows - 1) / shape.gateRows,
      scratch.hb.output + [.int(hidden), .int(shape.config.dim), .int(tokens)] + scratch.xb.input
        + w1.arguments + w3.arguments)
    if !shape.gateQuantizes { try quantize(scratch.hb, width: hidden) }
  }

  /// x += w2 hb.
  func projectHidden(_ w2: DeviceMatrix) throws {
    let kernel = shape.straddles ? layer.projectStraddling : nil
    try project(
      w2, of: scratch.hb, width: shape.config.hiddenDim, with: kernel ?? layer.project)
  }

  /// logits = classifier times the one row that was normalised last.
  func classify(_ classifier: DeviceMatrix, with kernels: LayerKernels) throws {
    let config = shape.config
    try queue.launch(
      kernels.project, groups: (tiles(config.vocabSize), 1, 1),
      items: shape.productItems(isBatch: false),
      [
        .buffer(scratch.logits), .int(0), .int(config.vocabSize), .int(config.dim), .int(1),
      ] + scratch.xb.input + classifier.arguments)
  }

  // MARK: - Pieces

  /// x += w rows.
  private func project(
    _ w: DeviceMatrix, of rows: DeviceScratch.Rows, width: Int, with kernel: DeviceKernel
  ) throws {
    let dim = shape.config.dim
    try product(
      kernel, tiles: tiles(dim),
      [.buffer(scratch.x), .int(1), .int(dim), .int(width), .int(tokens)] + rows.input + w.arguments
    )
  }

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
    guard let kernel = shared.quantize, let groupSize = shape.groupSize else { return }
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
