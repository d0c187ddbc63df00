import Foundation
import Inference
import ModelFile
import Tokenization

/// The forward pass on a device that OpenCL knows: weights, keys and values and all that is computed stay there.
///
/// A token is one queue of kernels, in order, without a wait between; only the logits come back. A prompt is cut
/// into batches, and waits after each layer, so that it can be stopped and tells how far it is.
package final class DeviceBackend: Backend {
  /// What a test may choose; by default what suits the device.
  package struct Build {
    /// Where built kernels are kept; `nil` for nowhere.
    package var cache: ProgramCache?
    /// Lanes of a sum of floats in one work item: 1, 4 or 16.
    package var width: Int?
    /// Whether doubles may be used.
    package var usesDouble = true

    package init(cache: ProgramCache? = nil, width: Int? = nil, usesDouble: Bool = true) {
      self.cache = cache
      self.width = width
      self.usesDouble = usesDouble
    }
  }

  package let device: Device
  package let arithmetic: UInt32
  package let bytesPerToken: Int
  package let maximumBatch = 128
  /// Tokens whose attention is computed in one go: their scores must fit.
  static let attentionTokens = 32

  private let model: Model
  private let shape: KernelShape
  private let queue: DeviceQueue
  private let weights: DeviceWeights
  private let scratch: DeviceScratch
  private let rope: RotaryFrequencies
  private let cache: ProgramCache?
  private var pairs: [KVType: KernelPair] = [:]
  private let logits: UnsafeMutableBufferPointer<Float>
  /// What the compiler had to say, all programs together.
  package private(set) var buildLog = ""

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
    let groupSize: Int? =
      if case .v2(let size) = model.checkpoint.format { size } else { nil }
    shape = KernelShape(
      config: config, epsilon: model.metadata.normEpsilon, groupSize: groupSize,
      keepsHalves: math == .f16 && groupSize == nil,
      width: build.width ?? (device.isProcessor ? 16 : 1),
      usesDouble: device.hasDouble && build.usesDouble, dividesExactly: device.dividesExactly)
    self.model = model
    self.device = device
    cache = build.cache
    rope = RotaryFrequencies(config: config, metadata: model.metadata)
    arithmetic =
      device.isExact && shape.usesDouble && !shape.keepsHalves
      ? 0 : CRC32.checksum("\(device.name) \(device.driver) \(math)".utf8) & 0xff_ffff | 1
    try Self.check(device, model, keepsHalves: shape.keepsHalves, batch: maximumBatch)

    queue = try DeviceQueue(device)
    var toHalves: DeviceKernel?
    if shape.keepsHalves {
      let program = try DeviceProgram(
        KernelSource.text, options: shape.options(kvType: .f32, isBatch: false), queue: queue,
        cache: cache)
      toHalves = try program.kernel("to_halves")
    }
    let uploader = try WeightUploader(
      queue, total: Self.fileBytes(model), toHalves: toHalves, interrupt: interrupt,
      progress: progress)
    weights = try DeviceWeights(model.checkpoint, with: uploader)
    bytesPerToken = weights.bytesPerToken
    scratch = try DeviceScratch(queue, config: config, groupSize: groupSize, batch: maximumBatch)
    logits = .allocate(capacity: config.vocabSize)
  }

  deinit { logits.deallocate() }

  package var name: String { device.label }
  /// Kernels launched so far.
  package var launches: Int { queue.launches }

  // MARK: - Memory

  /// Bytes of a model's weights on a device.
  package static func weightBytes(_ model: Model, keepsHalves: Bool) -> Int {
    model.checkpoint.layout.tensors.reduce(0) { sum, span in
      guard span.role != .ropeTables else { return sum }
      return sum + (keepsHalves && !span.role.isNorm ? span.byteCount / 2 : span.byteCount)
    }
  }

  private static func fileBytes(_ model: Model) -> Int { weightBytes(model, keepsHalves: false) }

  private static func check(
    _ device: Device, _ model: Model, keepsHalves: Bool, batch: Int
  ) throws(DeviceError) {
    guard device.canCompile, device.largestGroup >= 256 else {
      let reason =
        device.canCompile
        ? "takes \(device.largestGroup) work items at once; the kernels need 256"
        : "has no compiler"
      throw .unsuitable(device: device.label, reason: reason)
    }
    let needed =
      weightBytes(model, keepsHalves: keepsHalves)
      + DeviceScratch.byteCount(config: model.config, batch: batch)
    guard needed <= device.memory else {
      throw .modelDoesNotFit(device: device.label, bytes: needed, available: device.memory)
    }
  }

  package var availableMemory: Int { queue.available }

  package func makeMemory(for layout: KVLayout) throws -> (any KVMemory)? {
    let config = shape.config
    let tokens = Self.attentionTokens + shape.queryTokens(isBatch: true)
    let scoreBytes = tokens * config.heads * layout.rows * 4
    guard config.layers * layout.layerBytes + scoreBytes <= queue.available else { return nil }
    return DeviceMemory(
      layout: layout,
      layers: try (0..<config.layers).map { _ in
        try DeviceBuffer(queue, byteCount: layout.layerBytes)
      },
      scores: try DeviceBuffer(queue, byteCount: scoreBytes),
      kernels: try kernels(for: layout.type), queue: queue)
  }

  private func kernels(for type: KVType) throws(DeviceError) -> KernelPair {
    if let pair = pairs[type] { return pair }
    func build(isBatch: Bool) throws(DeviceError) -> Kernels {
      let program = try DeviceProgram(
        KernelSource.text, options: shape.options(kvType: type, isBatch: isBatch), queue: queue,
        cache: cache)
      buildLog += program.log
      return try Kernels(program, isQuantized: shape.groupSize != nil, keepsInt8: type == .q8)
    }
    let pair = KernelPair(single: try build(isBatch: false), batch: try build(isBatch: true))
    pairs[type] = pair
    return pair
  }

  // MARK: - The forward pass

  package func forward(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, wantsLogits: Bool,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> UnsafeBufferPointer<Float> {
    guard let memory = cache.memory as? DeviceMemory, memory.queue === queue else {
      preconditionFailure("the cache is another device's")
    }
    let pass = DevicePass(
      queue: queue, shape: shape,
      kernels: tokens.count > 1 ? memory.kernels.batch : memory.kernels.single,
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
    guard wantsLogits else {
      try queue.finish()
      cache.append(tokens)
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    // Final norm and classifier, for the last token only.
    try pass.normalizeLast(weights.finalNorm)
    try pass.classify(weights.classifier, with: memory.kernels.single.classify)
    try queue.read(scratch.logits, into: UnsafeMutableRawBufferPointer(logits))
    cache.append(tokens)
    return UnsafeBufferPointer(logits)
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
