import Foundation
import TestSupport
import Testing

/// The program on devices that OpenCL knows: PoCL's, where no other is.
@Suite(.serialized, .enabled(if: Devices.areThere, "needs an OpenCL device, as of pocl-opencl-icd"))
struct DeviceTests {
  private func program(_ environment: [String: String] = [:]) throws -> Program {
    // Kernels built by one test serve all.
    try Program(Devices.caches.merging(environment) { $1 })
  }

  @Test func repliesAreTheProcessors() throws {
    let program = try program()
    for options in [[], ["--kv", "f16"], ["--kv", "q8"]] {
      let arguments = try Models.arguments(.quick) + options + ["--prompt", "Hello"]
      let expected = try program.run(arguments)
      let found = try program.run(arguments + ["--device", "gpu"])
      #expect(found.code == 0 && found.errors.isEmpty, "\(found)")
      #expect(found.output == expected.output, "\(options)")
    }
  }

  /// Switching, taking back and dropping turns change nothing of what is said.
  @Test func aChatMovesBetweenDevices() throws {
    let program = try program()
    let model = [
      try Models.path(.quick), "-t", "0", "-n", "12", "--ctx", "96", "--stdin", "script",
    ]
    let turns = [
      "Hello\n", "And then?\n", ":undo\n", "Why?\n", "And when it is over, what then?\n",
    ]
    let plain = try program.run(model, input: Array(turns.joined().utf8))
    let moves = [":device gpu\n", "", ":device cpu\n", ":device gpu:0\n", ":device gpu\n"]
    let moved = try program.run(
      model, input: Array(zip(moves, turns).map { $0 + $1 }.joined().utf8))
    #expect(plain.code == 0 && moved.code == 0, "\(moved)")
    #expect(moved.output == plain.output && !plain.output.isEmpty)
    #expect(moved.errors.contains("device cpu → gpu:0: "))
    #expect(moved.errors.contains("token") && moved.errors.contains("to read again"))
    #expect(moved.errors.contains("device gpu:0 already"))
    #expect(plain.errors.contains("context full: dropped"))
  }

  @Test func generateAndBenchRunThere() throws {
    let program = try program()
    let text = ["generate", try Models.path(.quick), "-t", "0", "-n", "20", "-i", "Hello"]
    let expected = try program.run(text)
    let found = try program.run(text + ["--device", "gpu"])
    #expect(found.code == 0 && found.output == expected.output)

    let bench = try program.run([
      "bench", try Models.path(.quick), "--device", "gpu", "--prompt", "20", "--generate", "4",
      "--json",
    ])
    #expect(bench.code == 0, "\(bench)")
    let lines = bench.output.split(separator: "\n")
    try #require(lines.count == 2)
    let decode = try #require(
      try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
    #expect(decode["device"] as? String == "gpu:0")
    #expect(decode["launches_per_token"] as? Double == 17)
    #expect(decode["bytes_per_token"] as? Int ?? 0 > 0)
    #expect(decode["tokens_per_second"] as? Double ?? 0 > 0)
  }

  @Test func devicesAreListed() throws {
    let one = try program().run(["devices", try Models.path(.quick)])
    #expect(one.code == 0 && one.output.hasPrefix("gpu:0  "), "\(one)")
    #expect(one.output.contains("room for about") && one.output.contains(" tokens: fits"))
    #expect(one.output.contains("with --gpu-math f16: "))
    // PoCL makes as many as it is asked for.
    if one.output.contains("Portable Computing Language") {
      let two = try program(["POCL_DEVICES": "basic pthread"]).run(["devices"])
      #expect(two.output.contains("gpu:0  ") && two.output.contains("gpu:1  "), "\(two)")
    }
  }

  @Test func whatCannotBeIsRefused() throws {
    let ask = try Models.arguments(.quick) + ["--prompt", "Hello", "--device"]
    let small = try program(["LLAMA_CHAT_DEVICE_MEMORY": "100000"]).run(ask + ["gpu"])
    #expect(small.code == 4 && small.output.isEmpty)
    #expect(small.errors.contains("gpu:0: the model needs "), "\(small)")
    #expect(small.errors.contains("100 kB are left") && small.errors.contains("--device cpu"))
    let cramped = try program(["LLAMA_CHAT_DEVICE_MEMORY": "1000000"]).run(ask + ["gpu"])
    #expect(cramped.code == 4 && cramped.output.isEmpty)
    #expect(cramped.errors.contains("for a 512-token context"), "\(cramped)")

    let missing = try program(["LLAMA_CHAT_OPENCL": "/nowhere/libOpenCL.so"]).run(ask + ["gpu"])
    #expect(missing.code == 1 && missing.output.isEmpty)
    #expect(missing.errors.contains("/nowhere/libOpenCL.so cannot be loaded"))
    #expect(missing.errors.contains("pocl-opencl-icd"))

    // As on a machine whose library finds no driver.
    let none = try program(["OCL_ICD_VENDORS": "/nowhere"]).run(["devices"])
    #expect(none.code == 1 && none.errors.contains("finds no device"), "\(none)")

    let beyond = try program().run(ask + ["gpu:97"])
    #expect(beyond.code == 1 && beyond.errors.contains("gpu:97: no such device"))
    #expect(try program().run(ask + ["tpu"]).code == 2)
  }

  @Test func interruptingAReplyKeepsTheChat() throws {
    let terminal = try program().chat(.slow, ["--device", "gpu"])
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect("stopped after")
    try terminal.expectPrompt()
    try terminal.type(":device cpu\r")
    try terminal.expect("device gpu:0 → cpu: ")
    try terminal.expectPrompt()
    try terminal.type(":device gpu\r")
    try terminal.expect("device cpu → gpu:0: ")
    try terminal.expectPrompt()
    try terminal.type("And then?\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect(" 0 cached")
    try terminal.expectPrompt()
  }
}

/// What there is on this machine.
private enum Devices {
  static let folder = Result {
    let folder = try TemporaryDirectory()
    folder.removeAtExit()
    return folder
  }

  static var caches: [String: String] {
    guard let path = try? folder.get().path else { return [:] }
    return ["XDG_CACHE_HOME": path, "POCL_CACHE_DIR": path]
  }

  static let areThere = (try? Program().run(["devices"]).code) == 0
}
