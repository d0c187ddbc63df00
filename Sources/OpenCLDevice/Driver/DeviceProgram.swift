import COpenCL
import ModelFile

/// A kernel of a program.
final class DeviceKernel {
  let name: String
  let handle: cl_kernel
  /// Keeps the program.
  private let program: DeviceProgram
  /// Some drivers compile a kernel when it is first launched.
  var wasLaunched = false

  init(name: String, handle: cl_kernel, program: DeviceProgram) {
    self.name = name
    self.handle = handle
    self.program = program
  }

  deinit { _ = program.queue.opencl.functions.clReleaseKernel(handle) }
}

/// Kernels built for a device, from source or from what an earlier run kept.
final class DeviceProgram {
  let queue: DeviceQueue
  /// What the compiler had to say; empty when there was nothing to say.
  private(set) var log = ""
  /// Whether an earlier run's binary was used.
  private(set) var isFromCache = false
  private var handle: cl_program?

  /// Builds `source`.
  ///
  /// - Parameter cache: Where binaries are kept; `nil` for nowhere.
  /// - Throws: ``DeviceError``.
  init(
    _ source: String, options: String, queue: DeviceQueue, cache: ProgramCache?
  ) throws(DeviceError) {
    self.queue = queue
    let key = ProgramCache.key(source: source, options: options, device: queue.device)
    if let binary = cache?.binary(for: key) {
      handle = program(from: binary)
      // A binary that the driver does not take is built anew.
      if handle != nil, build(options) {
        isFromCache = true
        return
      }
      release()
    }
    handle = try compile(source)
    guard build(options) else {
      let log = log
      release()
      throw .buildFailed(device: queue.device.label, log: log)
    }
    // Some drivers build every kernel once more when asked for them.
    if let cache, let binary { cache.keep(binary, for: key) }
  }

  deinit { release() }

  /// The kernel of that name.
  ///
  /// - Throws: ``DeviceError``.
  func kernel(_ name: String) throws(DeviceError) -> DeviceKernel {
    var code: Int32 = 0
    let signals = HeldSignals()
    defer { signals.release() }
    guard let kernel = queue.opencl.functions.clCreateKernel(handle, name, &code) else {
      throw .callFailed(device: queue.device.label, call: "clCreateKernel \(name)", code: code)
    }
    return DeviceKernel(name: name, handle: kernel, program: self)
  }

  private func release() {
    if let handle { _ = queue.opencl.functions.clReleaseProgram(handle) }
    handle = nil
  }

  private func compile(_ source: String) throws(DeviceError) -> cl_program {
    var code: Int32 = 0
    let program = source.withCString { text in
      var text: UnsafePointer<CChar>? = text
      return queue.opencl.functions.clCreateProgramWithSource(queue.context, 1, &text, nil, &code)
    }
    guard let program else {
      throw .callFailed(
        device: queue.device.label, call: "clCreateProgramWithSource", code: code)
    }
    return program
  }

  private func program(from binary: [UInt8]) -> cl_program? {
    var id: cl_device_id? = queue.device.id
    return binary.withUnsafeBufferPointer { bytes in
      var (size, start, status, code) = (bytes.count, bytes.baseAddress, Int32(0), Int32(0))
      return queue.opencl.functions.clCreateProgramWithBinary(
        queue.context, 1, &id, &size, &start, &status, &code)
    }
  }

  /// Builds, and keeps the log; whether that went well.
  private func build(_ options: String) -> Bool {
    var id: cl_device_id? = queue.device.id
    let functions = queue.opencl.functions
    // A driver may start a compiler, which is not to be interrupted when the chat is.
    let signals = HeldSignals()
    defer { signals.release() }
    let code = functions.clBuildProgram(handle, 1, &id, options, nil, nil)
    log = OpenCL.text(
      OpenCL.bytes {
        functions.clGetProgramBuildInfo(
          handle, queue.device.id, UInt32(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
      })
    return code == Int32(CL_SUCCESS)
  }

  /// The device's own form of the program; `nil` where it has none.
  private var binary: [UInt8]? {
    let functions = queue.opencl.functions
    var size = 0
    guard
      functions.clGetProgramInfo(
        handle, UInt32(CL_PROGRAM_BINARY_SIZES), MemoryLayout<Int>.size, &size, nil)
        == Int32(CL_SUCCESS), size > 0
    else { return nil }
    var binary = [UInt8](repeating: 0, count: size)
    let code = binary.withUnsafeMutableBufferPointer { bytes in
      var start = bytes.baseAddress
      return functions.clGetProgramInfo(
        handle, UInt32(CL_PROGRAM_BINARIES), MemoryLayout<UnsafeMutablePointer<UInt8>?>.size,
        &start, nil)
    }
    return code == Int32(CL_SUCCESS) ? binary : nil
  }
}
