import COpenCL
import ModelFile

/// One device's context, its in-order queue, and the account of its memory.
final class DeviceQueue {
  let device: Device
  let opencl: OpenCL
  let context: cl_context
  private let queue: cl_command_queue
  /// Bytes that buffers take.
  fileprivate(set) var used = 0
  /// Kernels launched so far.
  private(set) var launches = 0

  /// - Throws: ``DeviceError``.
  init(_ device: Device, opencl: OpenCL) throws(DeviceError) {
    self.device = device
    self.opencl = opencl
    var code: Int32 = 0
    var id: cl_device_id? = device.id
    let signals = HeldSignals()
    defer { signals.release() }
    guard let context = opencl.functions.clCreateContext(nil, 1, &id, nil, nil, &code) else {
      throw .callFailed(device: device.label, call: "clCreateContext", code: code)
    }
    guard let queue = opencl.functions.clCreateCommandQueue(context, device.id, 0, &code) else {
      _ = opencl.functions.clReleaseContext(context)
      throw .callFailed(device: device.label, call: "clCreateCommandQueue", code: code)
    }
    self.context = context
    self.queue = queue
  }

  deinit {
    _ = opencl.functions.clFinish(queue)
    _ = opencl.functions.clReleaseCommandQueue(queue)
    _ = opencl.functions.clReleaseContext(context)
  }

  /// Bytes that buffers can still take.
  var available: Int { max(0, device.memory - used) }

  /// Throws unless a call succeeded.
  func check(_ code: Int32, _ call: String) throws(DeviceError) {
    guard code == Int32(CL_SUCCESS) else {
      throw .callFailed(device: device.label, call: call, code: code)
    }
  }

  /// Copies bytes to the device; they may be changed when this returns.
  func write(
    _ bytes: UnsafeRawBufferPointer, to buffer: DeviceBuffer, at offset: Int = 0
  ) throws(DeviceError) {
    guard !bytes.isEmpty else { return }
    try check(
      opencl.functions.clEnqueueWriteBuffer(
        queue, buffer.handle, 1, offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueWriteBuffer")
  }

  /// Copies bytes from the device, after all that was asked of it before.
  func read(
    _ buffer: DeviceBuffer, at offset: Int = 0, into bytes: UnsafeMutableRawBufferPointer
  ) throws(DeviceError) {
    guard !bytes.isEmpty else { return }
    try check(
      opencl.functions.clEnqueueReadBuffer(
        queue, buffer.handle, 1, offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueReadBuffer")
  }

  /// Waits until all is done that was asked for.
  func finish() throws(DeviceError) { try check(opencl.functions.clFinish(queue), "clFinish") }

  /// What a kernel takes.
  enum Argument {
    case buffer(DeviceBuffer)
    /// An `int`.
    case int(Int)
    /// A `ulong`.
    case size(Int)
    case float(Float)
  }

  /// Asks for a kernel in `groups` work groups of `items` items, after all that was asked for before.
  func launch(
    _ kernel: DeviceKernel, groups: (Int, Int, Int), items: Int, _ arguments: [Argument]
  ) throws(DeviceError) {
    for (index, argument) in arguments.enumerated() {
      let code: Int32
      switch argument {
      case .buffer(let buffer):
        var handle: cl_mem? = buffer.handle
        code = opencl.functions.clSetKernelArg(
          kernel.handle, UInt32(index), MemoryLayout<cl_mem?>.size, &handle)
      case .int(let value):
        var value = Int32(value)
        code = opencl.functions.clSetKernelArg(kernel.handle, UInt32(index), 4, &value)
      case .size(let value):
        var value = UInt64(value)
        code = opencl.functions.clSetKernelArg(kernel.handle, UInt32(index), 8, &value)
      case .float(var value):
        code = opencl.functions.clSetKernelArg(kernel.handle, UInt32(index), 4, &value)
      }
      try check(code, "clSetKernelArg \(index) of \(kernel.name)")
    }
    let global = [groups.0 * items, groups.1, groups.2]
    let signals = kernel.wasLaunched ? nil : HeldSignals()
    defer { signals?.release() }
    try check(
      opencl.functions.clEnqueueNDRangeKernel(
        queue, kernel.handle, 3, nil, global, [items, 1, 1], 0, nil, nil), kernel.name)
    kernel.wasLaunched = true
    launches += 1
  }
}

/// Memory of a device.
final class DeviceBuffer {
  let handle: cl_mem
  let byteCount: Int
  private let queue: DeviceQueue

  /// - Throws: ``DeviceError``.
  init(_ queue: DeviceQueue, byteCount: Int) throws(DeviceError) {
    let byteCount = max(4, byteCount)
    let device = queue.device
    guard byteCount <= device.largestBuffer else {
      throw .tensorDoesNotFit(
        device: device.label, bytes: byteCount, largest: device.largestBuffer)
    }
    guard byteCount <= queue.available else {
      throw .modelDoesNotFit(device: device.label, bytes: byteCount, available: queue.available)
    }
    var code: Int32 = 0
    let handle = queue.opencl.functions.clCreateBuffer(
      queue.context, UInt64(CL_MEM_READ_WRITE), byteCount, nil, &code)
    guard let handle else {
      throw .callFailed(device: device.label, call: "clCreateBuffer", code: code)
    }
    self.handle = handle
    self.byteCount = byteCount
    self.queue = queue
    queue.used += byteCount
  }

  deinit {
    queue.used -= byteCount
    _ = queue.opencl.functions.clReleaseMemObject(handle)
  }
}
