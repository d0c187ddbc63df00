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

  static let reason = "needs an OpenCL device, as of pocl-opencl-icd"
}

/// OpenCL's library, except that it refuses all launches as long as there is a certain file.
struct FailingOpenCL {
  let folder: TemporaryDirectory
  /// For `LLAMA_CHAT_OPENCL`.
  let library: String
  private let mark: String

  /// A C compiler; the one of the Swift toolchain, where there is no other.
  static let compiler: String? = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init)
    return ["cc", "clang"].lazy.flatMap { name in folders.map { $0 + "/" + name } }
      .first { access($0, X_OK) == 0 }
  }()

  /// Compiles it; what it does not define is looked up in the library that it is linked with.
  init() throws {
    folder = try TemporaryDirectory()
    library = folder.file("failing.so")
    mark = folder.file("fails")
    let source = try folder.write("failing.c", Array(Self.source.utf8))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.compiler ?? "/usr/bin/cc")
    process.arguments = [
      "-shared", "-fPIC", "-DMARK=\"\(mark)\"", "-o", library, source, "-ldl", "-l:libOpenCL.so.1",
    ]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw HarnessError(what: "\(process.executableURL?.path ?? "") failed", code: 0)
    }
  }

  func fail() throws { try folder.write("fails", [UInt8]()) }
  func heal() throws { try FileManager.default.removeItem(atPath: mark) }

  private static let source = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stddef.h>
    #include <unistd.h>

    typedef int launch(void *, void *, unsigned, const size_t *, const size_t *, const size_t *, unsigned,
                       const void *, void *);

    int clEnqueueNDRangeKernel(void *queue, void *kernel, unsigned dimensions, const size_t *offset,
                               const size_t *global, const size_t *local, unsigned count, const void *events,
                               void *event) {
      if (access(MARK, F_OK) == 0) return -5;
      launch *real = (launch *)dlsym(RTLD_NEXT, "clEnqueueNDRangeKernel");
      return real(queue, kernel, dimensions, offset, global, local, count, events, event);
    }
    """
}
