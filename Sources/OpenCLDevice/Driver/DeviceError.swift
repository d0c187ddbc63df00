import ModelFile

/// What can go wrong with a device; the remedy is in the reason.
public enum DeviceError: Failure, Hashable {
  /// There is no OpenCL here.
  case noLibrary(path: String, reason: String)
  /// `LLAMA_CHAT_DEVICE_MEMORY` is not a number of bytes.
  case wrongLimit(found: String)
  /// No device of that number.
  case noDevice(asked: Int, count: Int)
  /// The device cannot run the kernels.
  case unsuitable(device: String, reason: String)
  /// The device's compiler refused the kernels.
  case buildFailed(device: String, log: String)
  /// The weights do not fit into the device's memory.
  case modelDoesNotFit(device: String, bytes: Int, available: Int)
  /// A tensor is larger than any buffer may be.
  case tensorDoesNotFit(device: String, bytes: Int, largest: Int)
  /// What a context needs in one piece is larger than any buffer may be.
  case contextDoesNotFit(device: String, bytes: Int, largest: Int)
  /// A call failed with an OpenCL error code.
  case callFailed(device: String, call: String, code: Int32)

  /// The device.
  public var place: String? {
    switch self {
    case .noLibrary: "OpenCL"
    case .wrongLimit: Device.memoryVariable
    case .noDevice(let asked, _): "gpu:\(asked)"
    case .unsuitable(let device, _), .buildFailed(let device, _),
      .modelDoesNotFit(let device, _, _),
      .tensorDoesNotFit(let device, _, _), .contextDoesNotFit(let device, _, _),
      .callFailed(let device, _, _):
      device
    }
  }

  /// See ``Failure/reason``.
  public var reason: String {
    switch self {
    case .noLibrary(let path, let reason):
      """
      \(path) cannot be loaded (\(reason)); install the graphics driver's OpenCL, or ocl-icd-libopencl1 and \
      pocl-opencl-icd, which run it on the processors; or use --device cpu
      """
    case .wrongLimit(let found): "expected a number of bytes, as in 4000000000, got \"\(found)\""
    case .noDevice(_, 0):
      """
      OpenCL is installed but finds no device; install the graphics driver's OpenCL, or pocl-opencl-icd, which runs \
      it on the processors; or use --device cpu
      """
    case .noDevice(_, let count):
      """
      no such device; there \(count == 1 ? "is gpu:0" : "are gpu:0…gpu:\(count - 1)"); \
      `llama-chat devices` lists them
      """
    case .unsuitable(_, let reason): "\(reason); use another device or --device cpu"
    case .buildFailed(_, let log):
      """
      its compiler refuses the kernels: \(log.split(separator: "\n").first ?? "without a reason"); \
      update its driver or use --device cpu
      """
    case .modelDoesNotFit(_, let bytes, let available):
      """
      the model needs \(SizeText.bytes(bytes)) there, \(SizeText.bytes(available)) are left; convert it to int8 \
      (--version 2), keep an fp32 one as halves (--gpu-math f16), or use --device cpu
      """
    case .tensorDoesNotFit(_, let bytes, let largest):
      """
      a tensor of \(SizeText.bytes(bytes)); the device takes \(SizeText.bytes(largest)) at most in one piece; \
      convert the model to int8 (--version 2) or use --device cpu
      """
    case .contextDoesNotFit(_, let bytes, let largest):
      """
      the context needs \(SizeText.bytes(bytes)) in one piece; the device takes \(SizeText.bytes(largest)) at most; \
      try a smaller --ctx or --kv q8, or --device cpu
      """
    case .callFailed(_, let call, let code):
      "\(call) failed with \(Self.name(of: code)); \(Self.remedy(for: code))"
    }
  }

  /// See ``Failure/kind``.
  public var kind: FailureKind {
    switch self {
    case .modelDoesNotFit, .tensorDoesNotFit, .contextDoesNotFit: .doesNotFit
    case .callFailed(_, _, let code) where Self.meansNoMemory(code): .doesNotFit
    case .wrongLimit: .usage
    case .noLibrary, .noDevice, .unsuitable, .buildFailed, .callFailed: .running
    }
  }

  /// Drivers that give memory only when it is used say so late, and by any of these.
  private static func meansNoMemory(_ code: Int32) -> Bool { [-4, -5, -6].contains(code) }

  private static func remedy(for code: Int32) -> String {
    meansNoMemory(code)
      ? "its memory is full: try a smaller --ctx or --kv q8, or --device cpu"
      : "update its driver or use --device cpu"
  }

  private static func name(of code: Int32) -> String {
    let names: [Int32: String] = [
      -2: "CL_DEVICE_NOT_AVAILABLE", -3: "CL_COMPILER_NOT_AVAILABLE",
      -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE", -5: "CL_OUT_OF_RESOURCES",
      -6: "CL_OUT_OF_HOST_MEMORY", -11: "CL_BUILD_PROGRAM_FAILURE",
      -46: "CL_INVALID_KERNEL_NAME", -54: "CL_INVALID_WORK_GROUP_SIZE",
      -61: "CL_INVALID_BUFFER_SIZE",
    ]
    return names[code].map { "\($0) (\(code))" } ?? "OpenCL error \(code)"
  }
}
