import Foundation
import TestSupport
import Testing

/// The program among pipes: replies alone on standard output, one clear line for every mistake.
@Suite(.serialized) struct PipeTests {
  private func run(_ arguments: [String], input: [UInt8] = []) throws -> Program.Outcome {
    try Program().run(arguments, input: input)
  }

  @Test func aPipeGetsTheReplyAlone() throws {
    let piped = try run(Models.arguments(.quick), input: Array("Hello\n".utf8))
    #expect(piped.code == 0 && piped.errors.isEmpty)
    #expect(piped.output.count > 1 && piped.output.hasSuffix("\n"))
    #expect(!piped.output.contains("\u{1B}"))
    let asked = try run(Models.arguments(.quick) + ["--prompt", "Hello"])
    #expect(asked.output == piped.output)

    let both = try run(
      Models.arguments(.quick) + ["--prompt", "Hello", "--stdin", "lines"],
      input: Array("Hello\nHello\n".utf8))
    #expect(both.code == 0 && both.output.hasPrefix(piped.output))
    #expect(both.output.count > piped.output.count)
  }

  /// Turning knobs between turns changes neither what was read nor what greedy sampling makes of it.
  @Test func tuningKeepsTheConversation() throws {
    let model = [try Models.path(.quick), "-t", "0", "-n", "12", "-j", "1", "--stdin", "script"]
    let plain = try run(model, input: Array("Hello\nAnd then?\nWhy?\n".utf8))
    let tuned = try run(
      model + ["--stats"],
      input: Array(
        ":threads 2\nHello\n:temp 0.9\n:threads 1\n:temp 0\nAnd then?\n:topp 0.5\n:threads +\nWhy?\n"
          .utf8))
    #expect(plain.code == 0 && tuned.code == 0, "\(tuned)")
    #expect(plain.output.count { $0 == "\n" } >= 3 && tuned.output == plain.output)
    #expect(tuned.errors.contains("threads 1 → 2") && tuned.errors.contains("temp 0.00 → 0.90"))
  }

  @Test func statisticsOnlyOnRequest() throws {
    let outcome = try run(Models.arguments(.quick) + ["--stats", "--prompt", "Hello"])
    #expect(outcome.errors.contains("tok/s") && !outcome.errors.contains("\u{1B}"))
  }

  @Test func eventsAreLinesOfJSON() throws {
    let script = Array(":temp 0\nHello\n:temp hot\n".utf8)
    let arguments = try Models.arguments(.quick) + ["--stdin", "script"]
    let (events, text) = (
      try run(arguments + ["--json"], input: script), try run(arguments, input: script)
    )
    #expect(
      events.code == 2
        && events.errors == "error: standard input:3: :temp: must be 0…2, got \"hot\"\n")
    let objects = try events.output.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let kinds = objects.compactMap { $0["event"] as? String }
    #expect(kinds.count == objects.count && kinds.first == "notice" && kinds.last == "error")
    let pieces = objects.filter { $0["event"] as? String == "text" }.compactMap {
      $0["text"] as? String
    }
    #expect(pieces.joined() + "\n" == text.output && pieces.count > 1)
    let turn = try #require(objects.dropLast().last)
    #expect(turn["event"] as? String == "turn" && turn["ending"] as? String == "max")
    #expect(turn["tokens"] as? Int == 3 && turn["capacity"] as? Int == 512)
    #expect((objects.last?["text"] as? String)?.contains("must be 0…2") == true)
  }

  @Test func eventsAreNotForPeople() throws {
    let program = try Program()
    let terminal = try PseudoTerminal(
      Program.path, try Models.arguments(.quick) + ["--json"], environment: program.environment)
    try terminal.expect("--json: is no way to talk; give --prompt, --script or a pipe")
    #expect(try terminal.ending() == .exit(2))
  }

  @Test func aScriptEndsAtItsFirstFailure() throws {
    let outcome = try run(
      Models.arguments(.quick) + ["--stdin", "script"],
      input: Array(":max 2\nHello\n:temp hot\nnever sent\n".utf8))
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("error: standard input:3: :temp: must be 0…2, got \"hot\"\n"))
    let alone = try run(Models.arguments(.quick) + ["-n", "2", "--prompt", "Hello"])
    #expect(outcome.output == alone.output)
  }

  /// Arguments after the model's, input, exit code, and a part of the one line on standard error.
  private static let mistakes: [(arguments: [String], input: [UInt8], code: Int32, error: String)] =
    [
      ([], [], 2, "error: standard input: is empty"),
      ([], Array(" \n\n".utf8), 2, "error: standard input: is empty"),
      ([], [0x61, 0x0A, 0xFF], 3, "error: standard input:2: byte 2 (0xff) is not UTF-8"),
      (["-t", "hot"], [0x61], 2, "error: temp: must be 0…2, got \"hot\""),
      (["-t", "-1"], [0x61], 2, "error: temp: must be 0…2, got \"-1\""),
      (["-j", "0"], [0x61], 2, "error: threads must be 1…"),
      (["--ctx", "3"], [0x61], 2, "error: The value '3' is invalid for '--ctx <ctx>': must be"),
      (["--template", "vicuna"], [0x61], 2, "vicuna"),
      (["--prompt-name", "nobody"], [0x61], 2, "error: no prompt \"nobody\""),
      (["--system", "@/nonexistent"], [0x61], 3, "error: /nonexistent: no such file"),
      (["--script", "/nonexistent"], [], 3, "error: /nonexistent: no such file"),
      (["--bogus"], [], 2, "error: Unknown option '--bogus'"),
      (["-z", "/nonexistent"], [0x61], 3, "/nonexistent"),
      ([], Array(String(repeating: "long ", count: 2000).utf8), 4, "error: "),
    ]

  @Test func mistakesAreNamed() throws {
    for (arguments, input, code, error) in Self.mistakes {
      let outcome = try run(Models.arguments(.quick) + arguments, input: input)
      #expect(outcome.code == code && outcome.reason == .exit, "\(arguments): \(outcome)")
      #expect(outcome.errors.contains(error), "\(arguments): \(outcome)")
      #expect(outcome.output.isEmpty, "\(arguments): \(outcome)")
    }
  }

  @Test func aMissingModelIsNamedWithoutObeyingItsName() throws {
    let outcome = try run(["/nonexistent\u{1B}[31m\n.bin", "--prompt", "Hello"])
    #expect(outcome.code == 3)
    #expect(outcome.errors.hasPrefix("error: /nonexistent␛[31m␊.bin: "))
  }

  @Test func helpAndVersionAreNoErrors() throws {
    #expect(try run(["--version"]).output == "0.1.0\n")
    #expect(try run(["--help"]).output.contains("USAGE: llama-chat [MODEL]"))
    #expect(try run([]).code == 2)
  }

  @Test func aReaderThatLeavesEndsTheProgramQuietly() throws {
    let program = try Program()
    let errors = program.folder.file("err")
    let command = (["'" + Program.path + "'"] + (try Models.arguments(.slow)))
      .joined(separator: " ")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.environment = program.environment
    process.arguments = [
      "-c", "echo Hello | \(command) 2>\(errors) | head -c 1 >/dev/null; exit ${PIPESTATUS[1]}",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 128 + SIGPIPE)
    #expect(FileManager.default.contents(atPath: errors) == Data())
  }

  /// Of a long reading a plain terminal hears in lines of their own.
  @Test func plainProgressIsALine() throws {
    let program = try Program()
    let terminal = try PseudoTerminal(
      Program.path,
      try Models.arguments(.slow) + [
        "--plain", "-n", "3", "--prompt", InterruptTests.longText,
      ], environment: program.environment)
    try terminal.expect("read ")
    try terminal.expect(" tokens, ")
    #expect(try terminal.ending() == .exit(0))
    let output = terminal.rawOutput.replacingOccurrences(of: "\r\n", with: "\n")
    #expect(!output.contains("\u{1B}") && !output.unicodeScalars.contains("\r"))
  }

  /// Ctrl-Z at a plain prompt: the shell has its terminal, and `fg` goes on; twice, as handlers must be there again.
  @Test func aPlainTerminalIsSuspended() throws {
    let program = try Program(["PS1": "shell> "])
    let shell = try PseudoTerminal(
      "/bin/sh", ["-i"], environment: program.environment, columns: 200)
    try shell.expect("shell> ")
    let command = [Program.path] + (try Models.arguments(.quick)) + ["--plain"]
    try shell.type(command.joined(separator: " ") + "\r")
    try shell.expect("\n> ")
    for _ in 1...2 {
      try shell.type("\u{1A}")
      try shell.expect("shell> ")
      try shell.type("fg\r")
      try shell.expect("> ")
    }
    try shell.type("Hello\r")
    try shell.expect("stopped at max 3")
    try shell.expect("> ")
    // The end of input ends an open block too, which is a message all the same.
    try shell.type("\"\"\"Two\rlines\r")
    try shell.expect("... ")
    try shell.expect("... ")
    try shell.type("\u{04}")
    try shell.expect("stopped at max 3")
    try shell.expect("shell> ")
  }

  @Test func plainTerminalsGetNoControlCharacters() throws {
    let program = try Program()
    let terminal = try PseudoTerminal(
      Program.path, try Models.arguments(.quick) + ["--plain"], environment: program.environment)
    try terminal.expect("> ")
    let modes = terminal.modes
    try terminal.type("Hello\n")
    try terminal.expect("stopped at max 3")
    try terminal.expect("tok/s")
    try terminal.expect("> ")
    #expect(terminal.modes == modes)
    try terminal.type(":quit\n")
    #expect(try terminal.ending() == .exit(0))
    let output = terminal.rawOutput
    for symbol in ["\u{1B}", "·", "■"] { #expect(!output.contains(symbol), "\(symbol)") }
    // The terminal itself makes each line feed CR LF.
    #expect(!output.replacingOccurrences(of: "\r\n", with: "\n").unicodeScalars.contains("\r"))
    #expect(terminal.modes == modes)
  }
}
