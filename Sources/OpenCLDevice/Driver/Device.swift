import COpenCL
import Foundation
import ModelFile

/// A device that OpenCL knows, as `--device gpu:N` chooses it.
public struct Device: @unchecked Sendable {
  /// Its number: graphics devices first, then processors, each in the order of their platforms.
  public let index: Int
  /// Its own name.
  public let name: String
  /// The platform's name and version.
  public let platform: String
  /// The driver's version.
  public let driver: String
  /// Bytes of its memory; `LLAMA_CHAT_DEVICE_MEMORY` lowers it.
  public let memory: Int
  /// Bytes of the largest buffer.
  public let largestBuffer: Int
  /// Units that compute side by side.
  public let computeUnits: Int
  /// Whether it is this machine's processors, as with PoCL.
  public let isProcessor: Bool
  /// Whether it has doubles, which the exponential's exact bits need.
  public let hasDouble: Bool
  /// Whether it divides and takes roots with correct rounding, if asked to.
  let dividesExactly: Bool
  /// Whether its floats have denormals and infinities, as IEEE 754 says.
  private let isIEEE: Bool
  /// Floats of a vector.
  let vectorWidth: Int
  let largestGroup: Int
  let canCompile: Bool
  // Lives as long as the library.
  let id: cl_device_id

  /// Whether the driver keeps built programs itself, and hands out only what it builds anew: PoCL.
  var keepsPrograms: Bool { platform.hasPrefix("Portable Computing Language") }
  /// `gpu:N`.
  public var label: String { "gpu:\(index)" }
  /// Whether models come out with the processors' own bits; else they differ in the last digits.
  public var isExact: Bool { hasDouble && dividesExactly && isIEEE }

  /// Lanes of a sum of floats that a work item best carries: a processor's vector; elsewhere work items are the lanes.
  var suitableWidth: Int {
    guard isProcessor else { return 1 }
    return vectorWidth >= 16 ? 16 : vectorWidth >= 8 ? 8 : 4
  }

  /// Every device of every platform.
  ///
  /// - Throws: ``DeviceError/noLibrary(path:reason:)``, ``DeviceError/wrongLimit(found:)``.
  public static func all() throws(DeviceError) -> [Device] { try all(try OpenCL.load()) }

  static func all(_ opencl: OpenCL) throws(DeviceError) -> [Device] {
    let limit = try memoryLimit(ProcessInfo.processInfo.environment[memoryVariable])
    // Drivers may start threads now, which later run their compiler.
    let signals = HeldSignals()
    let found = platforms(opencl).flatMap { platform in
      devices(of: platform, opencl).map { (platform, $0) }
    }
    signals.release()
    func isProcessor(_ id: cl_device_id) -> Bool {
      number(id, CL_DEVICE_TYPE_INFO, opencl) & CL_DEVICE_TYPE_CPU != 0
    }
    let ordered = found.filter { !isProcessor($0.1) } + found.filter { isProcessor($0.1) }
    return ordered.enumerated().map { index, found in
      Device(index: index, platform: found.0, id: found.1, memoryLimit: limit, opencl)
    }
  }

  static let memoryVariable = "LLAMA_CHAT_DEVICE_MEMORY"

  /// The bytes that the variable of that value allows; `nil` where it is not set.
  static func memoryLimit(_ value: String?) throws(DeviceError) -> Int? {
    guard let value, !value.isEmpty else { return nil }
    guard let bytes = Int(value), bytes >= 0 else { throw .wrongLimit(found: value) }
    return bytes
  }

  /// The device of that number.
  ///
  /// - Throws: ``DeviceError``.
  public static func numbered(_ index: Int) throws(DeviceError) -> Device {
    let all = try all()
    guard all.indices.contains(index) else {
      throw .noDevice(asked: index, count: all.count)
    }
    return all[index]
  }

  private init(
    index: Int, platform: cl_platform_id, id: cl_device_id, memoryLimit: Int?, _ opencl: OpenCL
  ) {
    func platformText(_ what: Int) -> String {
      OpenCL.text(
        OpenCL.bytes { opencl.functions.clGetPlatformInfo(platform, UInt32(what), $0, $1, $2) })
    }
    func text(_ what: Int) -> String {
      OpenCL.text(Self.info(id, what, opencl))
    }
    func number(_ what: Int) -> Int { Self.number(id, what, opencl) }
    self.index = index
    self.id = id
    self.platform =
      "\(platformText(CL_PLATFORM_NAME)), \(platformText(CL_PLATFORM_VERSION))"
    name = text(CL_DEVICE_NAME)
    driver = text(CL_DRIVER_VERSION)
    let whole = number(CL_DEVICE_GLOBAL_MEM_SIZE)
    memory = min(whole, memoryLimit ?? whole)
    largestBuffer = number(CL_DEVICE_MAX_MEM_ALLOC_SIZE)
    computeUnits = number(CL_DEVICE_MAX_COMPUTE_UNITS)
    isProcessor = number(CL_DEVICE_TYPE_INFO) & CL_DEVICE_TYPE_CPU != 0
    hasDouble = text(CL_DEVICE_EXTENSIONS).split(separator: " ").contains("cl_khr_fp64")
    let floats = number(CL_DEVICE_SINGLE_FP_CONFIG)
    dividesExactly = floats & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT != 0
    let wanted = CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST
    isIEEE = floats & wanted == wanted
    vectorWidth = number(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT)
    largestGroup = number(CL_DEVICE_MAX_WORK_GROUP_SIZE)
    canCompile = number(CL_DEVICE_COMPILER_AVAILABLE) != 0
  }

  // MARK: - Queries

  private static func platforms(_ opencl: OpenCL) -> [cl_platform_id] {
    var count: UInt32 = 0
    // With no driver at all, the call fails: that is no platform.
    guard opencl.functions.clGetPlatformIDs(0, nil, &count) == Int32(CL_SUCCESS), count > 0 else {
      return []
    }
    var ids = [cl_platform_id?](repeating: nil, count: Int(count))
    _ = opencl.functions.clGetPlatformIDs(count, &ids, nil)
    return ids.compactMap(\.self)
  }

  private static func devices(of platform: cl_platform_id, _ opencl: OpenCL) -> [cl_device_id] {
    let type = UInt64(CL_DEVICE_TYPE_ALL)
    var count: UInt32 = 0
    guard
      opencl.functions.clGetDeviceIDs(platform, type, 0, nil, &count) == Int32(CL_SUCCESS),
      count > 0
    else { return [] }
    var ids = [cl_device_id?](repeating: nil, count: Int(count))
    _ = opencl.functions.clGetDeviceIDs(platform, type, count, &ids, nil)
    return ids.compactMap(\.self).filter { number($0, CL_DEVICE_AVAILABLE, opencl) != 0 }
  }

  private static func info(
    _ id: cl_device_id, _ what: Int, _ opencl: OpenCL
  ) -> [UInt8] {
    OpenCL.bytes { opencl.functions.clGetDeviceInfo(id, UInt32(what), $0, $1, $2) }
  }

  /// A number of four or eight bytes.
  private static func number(
    _ id: cl_device_id, _ what: Int, _ opencl: OpenCL
  ) -> Int {
    let value = info(id, what, opencl).prefix(8).enumerated().reduce(UInt64(0)) {
      $0 | UInt64($1.element) << (8 * UInt64($1.offset))
    }
    return Int(clamping: value)
  }
}
