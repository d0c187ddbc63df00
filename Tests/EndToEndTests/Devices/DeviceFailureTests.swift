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

    let told = try Program(["LLAMA_CHAT_DEVICE_MEMORY": "1000000"])
      .run(["devices", try Models.path(.quick)])
    #expect(told.output.contains(" for 512 tokens: does not fit\n"), "\(told)")
    let wrong = try Program(["LLAMA_CHAT_DEVICE_MEMORY": "1G"]).run(ask + ["gpu"])
    #expect(wrong.code == 2 && wrong.errors.contains("LLAMA_CHAT_DEVICE_MEMORY: expected a number"))

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
    let found = try Program(["POCL_EXTRA_BUILD_FLAGS": "-DWIDTH=nonsense"]).run(ask)
    #expect(found.code == 1 && found.output.isEmpty)
    // Its compiler has words of its own for the standard error.
    #expect(found.errors.contains("error: gpu:0: its compiler refuses the kernels: "), "\(found)")
    #expect(found.errors.contains("nonsense") && found.errors.contains("--device cpu"))
    let lines = found.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
    #expect(lines.count == 1)
  }

  /// A device that breaks in the middle of a reply: one line, and what was said before and asked is still there.
  @Test func aDeviceThatBreaksEndsTheReplyOnly() throws {
    let (program, broken) = try failingProgram()
    let terminal = try program.chat(.slow, ["--device", "gpu", "-n", "300"], columns: 300)
    let modes = terminal.modes
    try terminal.type("one\r")
    try terminal.expect(" cached")
    try terminal.expectPrompt()
    try terminal.type("two\r")
    try terminal.expectReply()
    try breakDevice(broken)
    try terminal.expect("gpu:0: ")
    try terminal.expect(" failed with CL_OUT_OF_RESOURCES (-5); ")
    let rest = try terminal.expect("--device cpu")
    #expect(!rest.contains("\n") && !rest.contains("error"), "\(rest)")
    // The message is back at the prompt, to be sent again; it fails with the same line.
    try terminal.expectPrompt()
    #expect(terminal.modes == modes)
    try terminal.type("\r")
    try terminal.expect("gpu:0: ")
    try terminal.expectPrompt()
    try terminal.type("\u{15}:device cpu\r")
    try terminal.expect("device gpu:0 → cpu: ")
    try terminal.expectPrompt()
    try terminal.type("three\r")
    try terminal.expect(" cached")
    try terminal.expectPrompt()
    try terminal.type(":history\r")
    try terminal.expect("— turn 1 ")
    try terminal.expect("> one")
    try terminal.expect("— turn 2 ")
    try terminal.expect("> three")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
  }

  /// In a script it ends with the line and the code, and what was said before is kept.
  @Test func aDeviceThatBreaksEndsAScript() throws {
    let (program, broken) = try failingProgram()
    try breakDevice(broken)
    let found = try program.run(
      try Models.arguments(.quick) + ["--stdin", "script", "--device", "gpu"],
      input: Array("one\n:device cpu\ntwo\n".utf8))
    #expect(found.code == 4 && found.output.isEmpty, "\(found)")
    #expect(found.errors.contains("CL_OUT_OF_RESOURCES (-5)"), "\(found)")
    #expect(found.errors.split(separator: "\n").count { $0.contains("gpu:0: ") } == 1)
  }

  /// The program with a library of OpenCL that breaks once there is the file.
  private func failingProgram() throws -> (Program, broken: String) {
    var program = try Program(Devices.caches)
    let broken = program.folder.file("broken")
    program.environment["LLAMA_CHAT_OPENCL"] = Devices.failingLibrary
    program.environment["FAILING_OPENCL"] = broken
    return (program, broken)
  }

  private func breakDevice(_ broken: String) throws {
    try #require(FileManager.default.createFile(atPath: broken, contents: Data()))
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
