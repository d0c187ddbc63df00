import Foundation
import TestSupport

/// The devices of this machine.
enum Devices {
  private static let folder = Result {
    let folder = try TemporaryDirectory()
    folder.removeAtExit()
    return folder
  }

  /// Where kernels built by one test serve all.
  static var caches: [String: String] {
    guard let path = try? folder.get().path else { return [:] }
    return ["XDG_CACHE_HOME": path, "POCL_CACHE_DIR": path]
  }

  private static let list = try? Program().run(["devices"])

  static var areThere: Bool { list?.code == 0 }
  /// PoCL makes as many devices as it is asked for, and has its own variables.
  static var arePoCLs: Bool {
    areThere && list?.output.contains("Portable Computing Language") == true
  }

  /// Whether they compute the processors' own bits.
  static var areExact: Bool { list?.output.contains("very digits") == true }

  /// The library of OpenCL that breaks, beside the program.
  static var failingLibrary: String {
    #if os(macOS)
      let name = "libFailingOpenCL.dylib"
    #else
      let name = "libFailingOpenCL.so"
    #endif
    return (Program.path as NSString).deletingLastPathComponent + "/" + name
  }

  static let reason = "needs an OpenCL device, as of pocl-opencl-icd"
}
