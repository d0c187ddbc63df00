/// Kernels of a forward pass that do not know how keys and values are kept, built for one token or for many.
struct LayerKernels {
  let embed: DeviceKernel
  let rmsnorm: DeviceKernel
  /// For int8 models.
  let quantize: DeviceKernel?
  let projectHeads: DeviceKernel
  let gate: DeviceKernel
  let projectHidden: DeviceKernel

  init(_ program: DeviceProgram, isQuantized: Bool) throws(DeviceError) {
    embed = try program.kernel("embed")
    rmsnorm = try program.kernel("rmsnorm")
    quantize = isQuantized ? try program.kernel("quantize") : nil
    projectHeads = try program.kernel("project_heads")
    gate = try program.kernel("gate")
    projectHidden = try program.kernel("project_hidden")
  }
}

/// Kernels for one type of keys and values, built for one token or for many.
struct AttentionKernels {
  let projectQKV: DeviceKernel
  /// For keys and values in int8.
  let keepRows: DeviceKernel?
  let attend: DeviceKernel

  init(_ program: DeviceProgram, keepsInt8: Bool) throws(DeviceError) {
    projectQKV = try program.kernel("project_qkv")
    keepRows = keepsInt8 ? try program.kernel("keep_rows") : nil
    attend = try program.kernel("attend")
  }
}

/// The same kernels built for one token and for many.
struct KernelPair<Kernels> {
  let single: Kernels
  let batch: Kernels

  subscript(isBatch isBatch: Bool) -> Kernels { isBatch ? batch : single }
}
