import Foundation
import Inference
import ModelFile
import Tokenization

/// The forward pass on a device that OpenCL knows: weights, keys and values and all that is computed stay there.
///
/// A token is one queue of kernels, in order, without a wait between; only the logits come back, or where the highest
/// of them is. A prompt is cut into batches, and waits after each layer, so that it can be stopped and tells how far
/// it is.
package final class DeviceBackend: Backend {
  /// What a test may choose; by default what suits the device.
  package struct Build {
    /// Where built kernels are kept; `nil` for nowhere.
    package var cache: ProgramCache?
    /// Lanes of a sum of floats in one work item: 1, 4, 8 or 16.
    package var width: Int?
    /// Whether doubles may be used.
    package var usesDouble = true
    /// The functions of OpenCL; `nil` for those of this machine's library.
    var opencl: OpenCL?
    /// Stands before the kernels: what the device's compiler lacks.
    var prelude = ""

    package init(cache: ProgramCache? = nil, width: Int? = nil, usesDouble: Bool = true) {
      self.cache = cache
      self.width = width
      self.usesDouble = usesDouble
    }
  }

  package let device: Device
  package let arithmetic: UInt32
  package let bytesPerToken: Int
  /// The most tokens of one pass.
  static let mostTokens = 128
  package var maximumBatch: Int { Self.mostTokens }
  /// Tokens whose attention is computed in one go: what it computes on its way must fit.
  static let attentionTokens = 32

  private let model: Model
  private let shape: KernelShape
  private let queue: DeviceQueue
  private let weights: DeviceWeights
  private let scratch: DeviceScratch
  private let rope: RotaryFrequencies
  private let kernels: ModelKernels
  private let search: MostLikelySearch
  private let logits: UnsafeMutableBufferPointer<Float>

  /// Uploads a model.
  ///
  /// - Parameters:
  ///   - progress: Told of the bytes uploaded so far, and of all.
  ///   - interrupt: Ends the upload.
  /// - Throws: ``DeviceError``, `Interrupted`.
  package init(
    _ model: Model, on device: Device, math: DeviceMath = .f32, build: Build = Build(),
    interrupt: InterruptFlag? = nil,
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let config = model.config
    shape = KernelShape(
      model, on: device, math, width: build.width, usesDouble: build.usesDouble)
    self.model = model
    self.device = device
    rope = RotaryFrequencies(config: config, metadata: model.metadata)
    arithmetic =
      device.isExact && shape.usesDouble && math == .f32
      ? 0 : CRC32.checksum("\(device.name) \(device.driver) \(math)".utf8) & 0xff_ffff | 1
    try Self.check(device, model, keepsHalves: shape.keepsHalves)

    queue = try DeviceQueue(device, opencl: build.opencl ?? OpenCL.load())
    kernels = try ModelKernels(shape, queue: queue, build: build)
    search = try MostLikelySearch(kernels.single, logits: config.vocabSize)
    let uploader = try WeightUploader(
      queue, total: DeviceNeeds.weightBytes(model, keepsHalves: false),
      toHalves: shape.keepsHalves ? kernels.single.kernel("to_halves") : nil,
      interrupt: interrupt, progress: progress)
    weights = try DeviceWeights(model.checkpoint, with: uploader)
    bytesPerToken = weights.bytesPerToken
    scratch = try DeviceScratch(
      queue, config: config, groupSize: shape.groupSize, batch: Self.mostTokens)
    logits = .allocate(capacity: config.vocabSize)
  }

  deinit { logits.deallocate() }

  package var name: String { device.label }
  /// Kernels launched so far.
  package var launches: Int { queue.launches }
  /// What the compiler had to say of all programs that were needed so far.
  package var buildLog: String { kernels.log }

  // MARK: - Memory

  private static func check(
    _ device: Device, _ model: Model, keepsHalves: Bool
  ) throws(DeviceError) {
    guard device.canCompile, device.largestGroup >= 256 else {
      let reason =
        device.canCompile
        ? "takes \(device.largestGroup) work items at once; the kernels need 256"
        : "has no compiler"
      throw .unsuitable(device: device.label, reason: reason)
    }
    let needed = DeviceNeeds.modelBytes(model, keepsHalves: keepsHalves)
    guard needed <= device.memory else {
      throw .modelDoesNotFit(device: device.label, bytes: needed, available: device.memory)
    }
  }

  package var availableMemory: Int { queue.available }

  package func byteCount(of layout: KVLayout) -> Int { DeviceNeeds.contextBytes(layout, shape) }

  package func makeMemory(for layout: KVLayout) throws -> (any KVMemory)? {
    let largest = DeviceNeeds.largestPiece(layout, shape)
    guard largest <= device.largestBuffer else {
      throw DeviceError.contextDoesNotFit(
        device: device.label, bytes: largest, largest: device.largestBuffer)
    }
    // What the compiler refuses is seen now, and not in the middle of a reply.
    _ = try kernels.attention(layout.type, isBatch: false)
    return DeviceMemory(
      layout: layout,
      layers: try (0..<shape.config.layers).map { _ in
        try DeviceBuffer(queue, byteCount: layout.layerBytes)
      },
      parts: try DeviceBuffer(queue, byteCount: shape.attentionBytes(rows: layout.rows)),
      queue: queue)
  }

  // MARK: - The forward pass

  package func forward(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, wantsLogits: Bool,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> UnsafeBufferPointer<Float> {
    let pass = try compute(tokens, cache, beforeLayer: beforeLayer)
    guard wantsLogits else {
      try queue.finish()
      cache.append(tokens)
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    try classifyLast(pass)
    try queue.read(scratch.logits, into: UnsafeMutableRawBufferPointer(logits))
    cache.append(tokens)
    return UnsafeBufferPointer(logits)
  }

  package func mostLikely(
    after tokens: ArraySlice<TokenID>, _ cache: KVCache, among count: Int,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> Int {
    let pass = try compute(tokens, cache, beforeLayer: beforeLayer)
    try classifyLast(pass)
    let place = try search.first(of: scratch.logits, among: count)
    cache.append(tokens)
    return place
  }

  /// Asks for all layers.
  private func compute(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> DevicePass {
    guard let memory = cache.memory as? DeviceMemory, memory.queue === queue else {
      preconditionFailure("the cache is another device's")
    }
    let isBatch = tokens.count > 1
    let pass = DevicePass(
      queue: queue, shape: shape, shared: kernels.shared,
      layer: try kernels.layer(isBatch: isBatch),
      attention: try kernels.attention(memory.layout.type, isBatch: isBatch),
      scratch: scratch, memory: memory, position: cache.count, tokens: tokens.count)
    try upload(tokens, position: cache.count)

    // The residual stream starts as the tokens' embeddings.
    try pass.embed(weights.tokenEmbedding)
    for (layer, w) in weights.layers.enumerated() {
      try beforeLayer(layer)
      // Attention branch: norm; queries, keys and values, rotated, remembered; each head looks at its own and all
      // earlier positions; the heads are mixed and added to the residual stream.
      try pass.normalize(w.attentionNorm)
      try pass.projectQKV(w.wq, w.wk, w.wv, layer: layer)
      try pass.attend(layer: layer)
      try pass.projectHeads(w.wo)
      // Feed-forward branch: norm, w2(silu(w1 x) * w3 x), added to the residual stream.
      try pass.normalize(w.ffnNorm)
      try pass.gate(w.w1, w.w3)
      try pass.projectHidden(w.w2)
      if pass.isBatch { try queue.finish() }
    }
    return pass
  }

  /// Final norm and classifier, for the last token only.
  private func classifyLast(_ pass: DevicePass) throws {
    try pass.normalizeLast(weights.finalNorm)
    try pass.classify(weights.classifier, with: kernels.singleLayer)
  }

  /// Copies the token ids, and the cosines and sines of their positions.
  private func upload(_ tokens: ArraySlice<TokenID>, position: Int) throws {
    try Array(tokens).withUnsafeBytes { try queue.write($0, to: scratch.tokens) }
    let half = shape.config.headSize / 2
    var (cosines, sines) = (
      [Float](repeating: 0, count: tokens.count * half),
      [Float](repeating: 0, count: tokens.count * half)
    )
    cosines.withUnsafeMutableBufferPointer { cosines in
      sines.withUnsafeMutableBufferPointer { sines in
        guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else { return }
        rope.fill(cosines, sines, from: position, tokens: tokens.count)
      }
    }
    try cosines.withUnsafeBytes { try queue.write($0, to: scratch.cosines) }
    try sines.withUnsafeBytes { try queue.write($0, to: scratch.sines) }
  }
}
