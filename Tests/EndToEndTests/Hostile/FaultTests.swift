import Chat
import Foundation
import TestSupport
import Testing

/// What the system refuses the program, or does to it: disk space, streams, homes, its life.
@Suite(.serialized) struct FaultTests {
  private let program: Program

  init() throws { program = try Program() }

  // MARK: - Full disks

  /// Where no file can grow, each one that is not kept is named, and the chat goes on.
  @Test func aFullDiskEndsNoChat() throws {
    let terminal = try PseudoTerminal(
      "/bin/bash",
      ["-c", "ulimit -f 0; exec \"$0\" \"$@\"", Program.path] + Models.arguments(.quick),
      environment: program.environment, columns: 500)
    terminal.home = program.folder
    try terminal.expectPrompt()
    try terminal.type("one\r")
    try terminal.expect("history: cannot write: File too large; history is not kept")
    try terminal.expect("File too large; this chat is not kept")
    try terminal.expectPrompt()
    let file = program.folder.file("a.md")
    for command in [":save a", ":save a --kv", ":export \(file)"] {
      try terminal.type(command + "\r")
      try terminal.expect("cannot be written: File too large")
      try terminal.expectPrompt()
    }
    try terminal.send("two")
    try terminal.type(":ctx\r")
    try terminal.expect("turn 2 ")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    #expect(try filesWithBytes() == [])
  }

  @Test func aFullDiskEndsAScript() throws {
    let file = program.folder.file("a.md")
    for command in [":save a", ":export \(file)"] {
      let script = try program.folder.write("script", Array("Hello\n\(command)\nnever sent\n".utf8))
      // The shell's own streams are files too, and may grow.
      let outcome = try program.shell(
        "{ (ulimit -f 0; exec \"$0\" \"$@\" 2>&1); echo \"code $?\"; } | cat",
        Models.arguments(.quick) + ["--script", script])
      #expect(outcome.output.hasSuffix("cannot be written: File too large\ncode 2\n"), "\(outcome)")
      #expect(outcome.output.contains("error: \(script):2: "), "\(outcome)")
    }
    #expect(try filesWithBytes() == ["script"])
  }

  /// The files of the home that hold anything, but for those of the harness.
  private func filesWithBytes() throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: program.folder.path)
    return names.filter { name in
      let path = program.folder.file(name)
      return !["in", "out", "err"].contains(name)
        && (FileManager.default.contents(atPath: path)?.isEmpty == false)
    }
  }

  // MARK: - Streams

  /// Redirections, the arguments before the model's, the exit code, and what standard error begins with.
  private static let closed: [(redirections: String, command: String, code: Int32, error: String)] =
    [
      (">&-", "--prompt Hello", 1, "error: writing to standard output: Bad file descriptor\n"),
      (">&- 2>&-", "--prompt Hello", 1, ""), ("2>&-", "--prompt Hello", 0, ""),
      ("<&-", "", 1, "error: standard input: cannot be read"), ("<&- >&- 2>&-", "", 1, ""),
      ("<&- 2>&-", "--prompt Hello --stdin lines", 1, ""),
    ]

  @Test func closedStreamsAreErrorsAndNoFiles() throws {
    let model = try Models.path(.quick)
    for (redirections, command, code, error) in Self.closed {
      let outcome = try program.shell(
        "exec \"$0\" \"$1\" -t 0 -n 3 \(command) \(redirections)", [model])
      #expect(
        outcome.code == code && outcome.reason == .exit, "\(redirections) \(command): \(outcome)")
      #expect(outcome.errors.hasPrefix(error), "\(redirections) \(command): \(outcome)")
    }
    for command in ["inspect", "generate"] {
      let outcome = try program.shell("exec \"$0\" \(command) \"$1\" >&-", [model])
      #expect(outcome.code == 1, "\(command): \(outcome)")
    }
  }

  /// What is said about the work must not end up in what is made.
  @Test func closedStreamsAreNotTheOutput() throws {
    let source = try program.folder.write("tiny.gguf", GGUFBuilder.tinyLlama().bytes())
    let (whole, other) = (program.folder.file("whole.bin"), program.folder.file("other.bin"))
    #expect(try program.run(["convert", source, whole]).code == 0)
    for redirections in ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
      let outcome = try program.shell(
        "exec \"$0\" convert --force \"$1\" \"$2\" \(redirections)", [source, other])
      #expect(outcome.code == 0, "\(redirections): \(outcome)")
      let made = FileManager.default.contents(atPath: other)
      #expect(made == FileManager.default.contents(atPath: whole), "\(redirections)")
    }
    let script = try program.folder.write("script", Array("Hello\n:save a\nAgain\n".utf8))
    let outcome = try program.shell(
      "exec \"$0\" \"$1\" -n 3 --script \"$2\" <&- >&- 2>&-", [Models.path(.quick), script])
    #expect(outcome.reason == .exit && outcome.code == 1, "\(outcome)")
  }

  // MARK: - Input

  @Test func hugeAndOddInputIsRefused() throws {
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: 3_900_000)
    let cases: [(name: String, input: [UInt8], code: Int32, error: String)] = [
      ("a huge line", long, 4, "error: "),
      ("huge lines", long + [0x0A] + [0x79, 0x0A], 4, "error: "),
      ("too much", long + long, 2, "error: standard input: is longer than 4.0 MB"),
      ("NUL", [0x61, 0x0A, 0x62, 0, 0x63], 3, "error: standard input:2: byte 3 is NUL"),
      ("NULs", [UInt8](repeating: 0, count: 1000), 3, "error: standard input:1: byte 0 is NUL"),
    ]
    for (name, input, code, error) in cases {
      for cut in ["message", "lines", "script"] {
        let outcome = try program.run(
          Models.arguments(.quick) + ["--stdin", cut], input: input)
        #expect(outcome.code == code && outcome.reason == .exit, "\(name), \(cut): \(outcome)")
        #expect(outcome.errors.hasPrefix(error), "\(name), \(cut): \(outcome)")
        #expect(outcome.output.isEmpty && outcome.errors.utf8.count < 500, "\(name), \(cut)")
      }
    }
  }

  @Test func oddKeysAreNoHarm() throws {
    let terminal = try program.chat()
    // Every control character but those that send, leave, stop, suspend, or start another editor.
    let controls = (0..<32).filter { ![3, 4, 7, 10, 13, 15, 17, 19, 26, 28].contains($0) }
    try terminal.type(String(controls.map { Character(UnicodeScalar(UInt8($0))) }))
    try terminal.type("\u{0}\u{1B}[999;999Z\u{1B}Oz\u{1B}[<0;1;1M\u{7F}\u{03}")
    try terminal.expectPrompt()
    try terminal.send("\u{15}Hello")
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
  }

  // MARK: - Memory

  #if os(Linux)
    /// A heap for each thread would take 128 MB of addresses for a moment: under a limit, whatever another thread
    /// asks for in that moment is refused, and the process ends.
    @Test(.enabled(if: !Program.isSanitized, "a sanitizer has heaps of its own"))
    func threadsTakeNoHeapsOfTheirOwn() throws {
      func mostKilobytes(threads: Int) throws -> Int {
        let terminal = try program.chat(.quick, ["--threads", "\(threads)"])
        try terminal.send("one")
        let status = try String(
          contentsOfFile: "/proc/\(terminal.process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        try terminal.type("\u{04}")
        #expect(try terminal.ending() == .exit(0))
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
      }
      let more = try mostKilobytes(threads: 2) - mostKilobytes(threads: 1)
      #expect(more < 4096 + 16_384, "\(more) kB for one more thread and its stack")
    }
  #endif

  // MARK: - Homes

  @Test(arguments: ["", "/dev/null", "/proc/nowhere", "relative"])
  func withoutAHomeTheChatGoesOn(home: String) throws {
    let homeless = try Program(["HOME": home])
    let terminal = try homeless.chat()
    try terminal.send("one")
    try terminal.send("two")
    try terminal.type(":save a\r")
    try terminal.expectPrompt()
    #expect(!terminal.rawOutput.contains("saved 2 turns"))
    try terminal.type(":ctx\r")
    try terminal.expect("turn 2 ")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
  }

  // MARK: - kill -9

  /// Whatever the program does when it is killed, the chat is there as of its last turn.
  @Test(arguments: ["typing", "reading", "reply", "suspended"])
  func killedTheChatGoesOn(while state: String) throws {
    let terminal = try program.chat(.slow, ["-n", "4"], columns: 500)
    try terminal.send("one")
    try terminal.send("two")
    try terminal.send(":max 0")
    switch state {
    case "typing":
      try terminal.type("half a thought")
      try terminal.expectText()
    case "reading":
      try terminal.type("\u{1B}[200~\(InterruptTests.longText)\u{1B}[201~\r")
      try terminal.expect(" tokens ·")
    default:
      try terminal.type("three\r")
      try terminal.expectReply()
      if state == "suspended" { kill(terminal.process, SIGSTOP) }
    }
    kill(terminal.process, SIGKILL)
    #expect(try terminal.ending() == .signal(SIGKILL))

    let folder = program.folder.file(".local/state/llama-chat/autosave")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    let path = folder + "/" + (try #require(files.first { $0.hasSuffix(".chat") }))
    #expect(try SessionFile.read(path: path).turns.map(\.question) == ["one", "two"])
    let next = try program.run([Models.path(.slow), "-c", "-n", "4", "--prompt", "three"])
    #expect(next.code == 0, "\(next)")
    #expect(
      try SessionFile.read(path: path).turns.map(\.question) == ["one", "two", "three"])
  }
}
