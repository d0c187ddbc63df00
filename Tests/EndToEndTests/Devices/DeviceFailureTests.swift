import Foundation
import TestSupport
import Testing

/// Devices that are not there, too small, or break: one line says so, and a chat goes on.
@Suite(.serialized, .enabled(if: Devices.areThere, "\(Devices.reason)"))
struct DeviceFailureTests {
  @Test func whatCannotBeIsRefused() throws {
    let ask = try Models.arguments(.quick) + ["--prompt", "Hello", "--device"]
    let small = try Program(["LLAMA_CHAT_DEVICE_MEMORY": "100000"]).run(ask + ["gpu"])
    #expect(small.code == 4 && small.output.isEmpty)
    #expect(small.errors.contains("gpu:0: the model needs "), "\(small)")
    #expect(small.errors.contains("100 kB are left") && small.errors.contains("--device cpu"))
    let cramped = try Program(["LLAMA_CHAT_DEVICE_MEMORY": "1000000"]).run(ask + ["gpu"])
    #expect(cramped.code == 4 && cramped.output.isEmpty)
    #expect(cramped.errors.contains("for a 512-token context"), "\(cramped)")

    let missing = try Program(["LLAMA_CHAT_OPENCL": "/nowhere/libOpenCL.so"]).run(ask + ["gpu"])
    #expect(missing.code == 1 && missing.output.isEmpty)
    #expect(missing.errors.contains("/nowhere/libOpenCL.so cannot be loaded"))
    #expect(missing.errors.contains("pocl-opencl-icd"))

    // As on a machine whose library finds no driver.
    let none = try Program(["OCL_ICD_VENDORS": "/nowhere"]).run(["devices"])
    #expect(none.code == 1 && none.errors.contains("finds no device"), "\(none)")

    let beyond = try Program(Devices.caches).run(ask + ["gpu:97"])
    #expect(beyond.code == 1 && beyond.errors.contains("gpu:97: no such device"))
    #expect(try Program(Devices.caches).run(ask + ["tpu"]).code == 2)
  }

  @Test(.enabled(if: Devices.arePoCLs, "needs a platform that takes flags from outside"))
  func kernelsThatDoNotBuildAreReported() throws {
    // Its caches are its own: nothing that is built already is used.
    let ask = try Models.arguments(.quick) + ["--prompt", "Hello", "--device", "gpu"]
    let found = try Program(["POCL_EXTRA_BUILD_FLAGS": "-DDIM=nonsense"]).run(ask)
    #expect(found.code == 1 && found.output.isEmpty)
    // Its compiler has words of its own for the standard error.
    #expect(found.errors.contains("error: gpu:0: its compiler refuses the kernels: "), "\(found)")
    #expect(found.errors.contains("nonsense") && found.errors.contains("--device cpu"))
    let lines = found.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
    #expect(lines.count == 1)
  }

  /// `:device` to one that is too small changes nothing.
  @Test func aDeviceTooSmallIsNotMovedTo() throws {
    let program = try Program(
      Devices.caches.merging(["LLAMA_CHAT_DEVICE_MEMORY": "1000000"]) { $1 })
    let terminal = try program.chat(columns: 300)
    try terminal.type("one\r")
    try terminal.expect(" cached")
    try terminal.expectPrompt()
    try terminal.type(":device gpu\r")
    try terminal.expect("for a 512-token context")
    try terminal.expectPrompt()
    try terminal.type(":device\r")
    try terminal.expect("←")
    try terminal.expect("gpu:0")
    try terminal.expectPrompt()
    try terminal.type("two\r")
    // What was read before is still there.
    #expect(try !terminal.expect(" cached").hasSuffix(" 0"))
    try terminal.expectPrompt()
  }
}
