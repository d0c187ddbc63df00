import Inference

/// Kernels of a forward pass that do not know how keys and values are kept, built for one token or for many.
struct LayerKernels {
  let projectQKV: DeviceKernel
  let project: DeviceKernel
  let gate: DeviceKernel
  /// For int8 groups that straddle rows.
  let projectStraddling: DeviceKernel?

  init(_ program: DeviceProgram, isQuantized: Bool) throws(DeviceError) {
    projectQKV = try program.kernel("project_qkv")
    project = try program.kernel("project")
    gate = try program.kernel("gate")
    projectStraddling = isQuantized ? try program.kernel("project_straddling") : nil
  }
}

/// Kernels that do the same for one token as for many.
struct SharedKernels {
  let embed: DeviceKernel
  let rmsnorm: DeviceKernel
  /// For int8 models.
  let quantize: DeviceKernel?

  init(_ program: DeviceProgram, isQuantized: Bool) throws(DeviceError) {
    embed = try program.kernel("embed")
    rmsnorm = try program.kernel("rmsnorm")
    quantize = isQuantized ? try program.kernel("quantize") : nil
  }
}

/// Kernels for one type of keys and values, built for one token or for many.
struct AttentionKernels {
  let attend: DeviceKernel
  /// For attention in one pass.
  let combine: DeviceKernel?
  /// For keys and values in int8.
  let keepRows: DeviceKernel?

  init(_ program: DeviceProgram, inOnePass: Bool, keepsInt8: Bool) throws(DeviceError) {
    attend = try program.kernel("attend")
    combine = inOnePass ? try program.kernel("combine") : nil
    keepRows = keepsInt8 ? try program.kernel("keep_rows") : nil
  }
}

/// All kernels of a model.
///
/// Each program is built when it is first needed: compilers take their time.
final class ModelKernels {
  let shape: KernelShape
  private let queue: DeviceQueue
  private let build: DeviceBackend.Build
  /// For one token, and what one token and many have in common.
  let single: DeviceProgram
  let shared: SharedKernels
  /// For one token.
  let singleLayer: LayerKernels
  private var batchLayer: LayerKernels?
  private var attentionKernels: [AttentionKey: AttentionKernels] = [:]
  /// What the compiler had to say, all programs together.
  private(set) var log = ""

  private struct AttentionKey: Hashable {
    let type: KVType
    let isBatch: Bool
  }

  /// Builds what every pass needs.
  ///
  /// - Throws: ``DeviceError``.
  init(_ shape: KernelShape, queue: DeviceQueue, build: DeviceBackend.Build) throws(DeviceError) {
    (self.shape, self.queue, self.build) = (shape, queue, build)
    single = try Self.program(
      KernelSource.layers(isQuantized: shape.isQuantized, isBatch: false),
      options: shape.options(isBatch: false), queue: queue, build: build)
    shared = try SharedKernels(single, isQuantized: shape.isQuantized)
    singleLayer = try LayerKernels(single, isQuantized: shape.isQuantized)
    log = single.log
  }

  func layer(isBatch: Bool) throws(DeviceError) -> LayerKernels {
    guard isBatch else { return singleLayer }
    if let batchLayer { return batchLayer }
    let program = try program(
      KernelSource.layers(isQuantized: shape.isQuantized, isBatch: true),
      options: shape.options(isBatch: true))
    let kernels = try LayerKernels(program, isQuantized: shape.isQuantized)
    batchLayer = kernels
    return kernels
  }

  func attention(_ type: KVType, isBatch: Bool) throws(DeviceError) -> AttentionKernels {
    let key = AttentionKey(type: type, isBatch: isBatch)
    if let kernels = attentionKernels[key] { return kernels }
    let program = try program(
      KernelSource.attention(inOnePass: shape.attendsInOnePass),
      options: shape.options(attentionOver: type, isBatch: isBatch))
    let kernels = try AttentionKernels(
      program, inOnePass: shape.attendsInOnePass, keepsInt8: type == .q8)
    attentionKernels[key] = kernels
    return kernels
  }

  private func program(_ source: String, options: String) throws(DeviceError) -> DeviceProgram {
    let program = try Self.program(source, options: options, queue: queue, build: build)
    log += program.log
    return program
  }

  private static func program(
    _ source: String, options: String, queue: DeviceQueue, build: DeviceBackend.Build
  ) throws(DeviceError) -> DeviceProgram {
    try DeviceProgram(
      build.prelude + source, options: options, queue: queue,
      cache: queue.device.keepsPrograms ? nil : build.cache)
  }
}
