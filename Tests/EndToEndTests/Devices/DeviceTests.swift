import Foundation
import TestSupport
import Testing

/// The program on devices that OpenCL knows: PoCL's, where no other is.
@Suite(.serialized, .enabled(if: Devices.areThere, "\(Devices.reason)"))
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

  /// Turns edited, taken back and left out, and another reply: the cache goes back as on the processors.
  @Test func anEditedChatIsTheProcessors() throws {
    let program = try program()
    let model = [try Models.path(.quick), "-t", "0", "-n", "8", "--stdin", "script"]
    let script = """
      Hello
      And then?
      :edit 1
      Hello again
      Why?
      :undo
      And when it is over?
      :regen
      :drop 1
      What then?
      :edit 2
      Who?

      """
    let plain = try program.run(model, input: Array(script.utf8))
    let found = try program.run(model + ["--device", "gpu"], input: Array(script.utf8))
    #expect(plain.code == 0 && found.code == 0, "\(found)")
    #expect(found.output == plain.output && !plain.output.isEmpty)
    #expect(found.errors.contains("undid turn") && found.errors.contains("dropped turn"))
  }

  /// A chat saved on a device goes on there, and on the processors, without being read again.
  @Test func aSavedChatGoesOn() throws {
    let program = try program()
    let model = [try Models.path(.quick), "-t", "0", "-n", "8", "--stdin", "script"]
    let whole = try program.run(model, input: Array("Hello\nAnd then?\nWhy?\n".utf8))
    let saved = try program.run(
      model + ["--device", "gpu"], input: Array("Hello\nAnd then?\n:save a --kv\n".utf8))
    #expect(saved.code == 0 && saved.errors.contains("kv: writing "), "\(saved)")
    for device in ["gpu", "cpu"] {
      let next = try program.run(
        model + ["--load", "a", "--device", device], input: Array("Why?\n".utf8))
      #expect(next.code == 0 && saved.output + next.output == whole.output, "\(device): \(next)")
      if Devices.areExact || device == "gpu" {
        #expect(next.errors.contains("kv matches: "), "\(device): \(next.errors)")
      }
    }
  }

  @Test(.enabled(if: DemoModel.path != nil, "needs the demo model"))
  func theDemoModelAnswers() throws {
    let program = try program()
    let ask = [
      try #require(DemoModel.path), "-t", "0", "-n", "3", "--ctx", "64", "--prompt",
      "What is 1 + 1?",
    ]
    let expected = try program.run(ask)
    let found = try program.run(ask + ["--device", "gpu"])
    #expect(found.code == 0 && found.errors.isEmpty, "\(found)")
    #expect(found.output == expected.output && !expected.output.isEmpty)
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
  }

  @Test(.enabled(if: Devices.arePoCLs, "needs a platform that makes two devices"))
  func eachOfTwoDevicesComputes() throws {
    let program = try program(["POCL_DEVICES": "pthread basic"])
    let devices = try program.run(["devices"])
    #expect(devices.output.contains("gpu:0  ") && devices.output.contains("gpu:1  "), "\(devices)")
    let arguments = try Models.arguments(.quick)
    let expected = try program.run(arguments + ["--prompt", "Hello"])
    for device in ["gpu:0", "gpu:1"] {
      let found = try program.run(arguments + ["--prompt", "Hello", "--device", device])
      #expect(found.code == 0 && found.output == expected.output, "\(device): \(found)")
    }
    // From one to the other, in one chat.
    let moved = try program.run(
      arguments + ["--stdin", "script", "--device", "gpu:1"],
      input: Array("Hello\n:device\n:device gpu:0\nAnd then?\n".utf8))
    let plain = try program.run(
      arguments + ["--stdin", "script"], input: Array("Hello\nAnd then?\n".utf8))
    #expect(moved.code == 0 && moved.output == plain.output, "\(moved)")
    #expect(moved.errors.contains("device gpu:1 → gpu:0: "))
    let marked = moved.errors.split(separator: "\n").filter { $0.hasSuffix("←") }
    #expect(marked.count == 1 && marked[0].hasPrefix("gpu:1 "), "\(moved.errors)")
  }

  /// What was read and said before is not read again.
  @Test func theCacheIsUsedAgain() throws {
    let terminal = try program().chat(.quick, ["--device", "gpu"])
    try terminal.type("one\r")
    #expect(try terminal.expect(" cached").hasSuffix(" 0"))
    try terminal.expectPrompt()
    try terminal.type("two\r")
    #expect(try !terminal.expect(" cached").hasSuffix(" 0"))
    try terminal.expectPrompt()
  }

  @Test func interruptingAReplyKeepsTheChat() throws {
    let program = try program()
    // Kernels that are still to be built would make the first reading long.
    _ = try program.run(
      Models.arguments(.slow) + ["--device", "gpu", "-n", "2", "--prompt", "Hello"])
    let terminal = try program.chat(.slow, ["--device", "gpu"])
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

  /// A driver's compiler may be a program of its own, which the terminal interrupts too.
  @Test(.enabled(if: Devices.arePoCLs, "needs a driver that starts a compiler"))
  func interruptsAreNotTheCompilers() throws {
    let fresh = try TemporaryDirectory()
    let program = try Program(["XDG_CACHE_HOME": fresh.path, "POCL_CACHE_DIR": fresh.path])
    let terminal = try program.chat(.quick)
    try terminal.type(":device gpu\rHello\r")
    var held: Bool?
    let end = ContinuousClock.now + .seconds(120)
    while held == nil, .now < end {
      held = childHoldsInterrupts(of: terminal.process)
      usleep(1_000)
    }
    #expect(held == true)
    try terminal.type("\u{03}")
    try terminal.expectPrompt()
  }

  /// Whether a program that `process` started takes no SIGINT; `nil` when there is none.
  private func childHoldsInterrupts(of process: pid_t) -> Bool? {
    let threads =
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    for thread in threads {
      let list = "/proc/\(process)/task/\(thread)/children"
      let children = (try? String(contentsOfFile: list, encoding: .utf8)) ?? ""
      for child in children.split(separator: " ") {
        let status = (try? String(contentsOfFile: "/proc/\(child)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
        guard let mask = line.flatMap({ UInt64($0.dropFirst(8), radix: 16) }) else { continue }
        return mask & 1 << (SIGINT - 1) != 0
      }
    }
    return nil
  }
}
