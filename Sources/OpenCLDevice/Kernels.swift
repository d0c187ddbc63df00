/// The kernels of a forward pass, built for one token or for many.
struct Kernels {
  let embed: DeviceKernel
  let rmsnorm: DeviceKernel
  /// For int8 models.
  let quantize: DeviceKernel?
  let projectQKV: DeviceKernel
  /// For keys and values in int8.
  let keepRows: DeviceKernel?
  let attend: DeviceKernel
  let projectHeads: DeviceKernel
  let gate: DeviceKernel
  let projectHidden: DeviceKernel
  let classify: DeviceKernel

  init(_ program: DeviceProgram, isQuantized: Bool, keepsInt8: Bool) throws(DeviceError) {
    embed = try program.kernel("embed")
    rmsnorm = try program.kernel("rmsnorm")
    quantize = isQuantized ? try program.kernel("quantize") : nil
    projectQKV = try program.kernel("project_qkv")
    keepRows = keepsInt8 ? try program.kernel("keep_rows") : nil
    attend = try program.kernel("attend")
    projectHeads = try program.kernel("project_heads")
    gate = try program.kernel("gate")
    projectHidden = try program.kernel("project_hidden")
    classify = try program.kernel("classify")
  }
}

/// The kernels for one type of keys and values.
struct KernelPair {
  let single: Kernels
  let batch: Kernels
}
