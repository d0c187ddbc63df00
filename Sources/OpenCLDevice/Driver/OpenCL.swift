import COpenCL
import Foundation

/// The OpenCL library of this machine.
struct OpenCL: @unchecked Sendable {
  // Pointers to functions never change once they are looked up; tests exchange some before.
  var functions: cl_functions

  /// Loads the library when first asked for, once for the whole run.
  ///
  /// - Throws: ``DeviceError/noLibrary(path:reason:)``.
  static func load() throws(DeviceError) -> OpenCL { try library.get() }

  private static let library: Result<OpenCL, DeviceError> = {
    // Another library can be named, as where the driver brings one of its own.
    let path = ProcessInfo.processInfo.environment["LLAMA_CHAT_OPENCL"] ?? defaultPath
    var functions = cl_functions()
    var message = [CChar](repeating: 0, count: 512)
    guard cl_load(&functions, path, &message, message.count) == 0 else {
      let reason = String(
        decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return .failure(.noLibrary(path: path, reason: reason))
    }
    return .success(OpenCL(functions: functions))
  }()

  private static var defaultPath: String {
    #if os(macOS)
      "/System/Library/Frameworks/OpenCL.framework/OpenCL"
    #else
      "libOpenCL.so.1"
    #endif
  }

  /// What OpenCL calls a query: the size first, then the value.
  static func bytes(
    _ query: (_ size: Int, _ value: UnsafeMutableRawPointer?, _ needed: UnsafeMutablePointer<Int>?)
      -> Int32
  ) -> [UInt8] {
    var size = 0
    guard query(0, nil, &size) == Int32(CL_SUCCESS), size > 0 else { return [] }
    var value = [UInt8](repeating: 0, count: size)
    return query(size, &value, nil) == Int32(CL_SUCCESS) ? value : []
  }

  /// A string without its end mark and surrounding spaces.
  static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
