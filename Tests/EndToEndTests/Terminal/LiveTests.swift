import Chat
import Foundation
import TestSupport
import Testing

/// What can be done while the model reads or talks, and what it does while the user types.
@Suite(.serialized) struct LiveTests {
  /// The replies of the only chat that a program has kept.
  private func replies(of program: Program) throws -> [Turn] {
    try #require(program.keptChats().first).turns
  }

  @Test func arrowsTurnKnobsAndEscapeStops() throws {
    let terminal = try Program().chat(.slow, ["-j", "1"], columns: 200)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type("\u{1B}[A")
    try terminal.expect("‹threads 2›")
    try terminal.type("\u{1B}[C\u{1B}OC")
    try terminal.expect("‹temp 0.20›")
    try terminal.type("\u{1B}[D")
    try terminal.expect("‹temp 0.10›")
    try terminal.type("\u{1B}")
    try terminal.expect("■ stopped after")
    try terminal.expect("2 threads · threads 1→2 at token ")
    try terminal.expect("temp 0.00→0.20→0.10 at token ")
    try terminal.expectPrompt()
    try terminal.type(":temp\r")
    try terminal.expect("temp 0.10")
  }

  /// What is said depends on every number computed before.
  @Test func threadsTurnWithoutATrace() throws {
    let steady = try Program()
    let options = ["-j", "1", "-n", "400", "-s", "7"]
    let alone = try steady.chat(.attentive, options)
    try alone.send("Tell me")
    let turned = try Program()
    let terminal = try turned.chat(.attentive, options)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    for _ in 1...6 { try terminal.type("\u{1B}[A\u{1B}[B\u{1B}[A") }
    try terminal.expect("threads 1→")
    try terminal.expectPrompt()
    let expected = try replies(of: steady)
    #expect(try replies(of: turned) == expected)
    #expect(expected.first?.reply?.tokens.count == 400)
  }

  @Test func typeAheadIsShownAndNotSentAfterAnInterruption() throws {
    let program = try Program()
    let terminal = try program.chat(.slow)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type(":quit\rtwo é漢\u{1B}[200~p\r\nq\u{1B}[201~\r\r\u{03}")
    try terminal.expect("stopped after")
    try terminal.expectPrompt()
    try terminal.type("!\r")
    try terminal.until("the message") { (try? program.history.count) == 2 }
    #expect(try program.history.last == ":quit\ntwo é漢p\nq!")
  }

  @Test func aLineTypedAheadIsSentWhenTheReplyIsOver() throws {
    let program = try Program()
    let terminal = try program.chat(.slow, ["-n", "2000", "-s", "7"])
    try terminal.type("one\r")
    try terminal.expectReply()
    try terminal.type("two\n\u{1B}[200~漢\u{1B}[201~\rthr")
    try terminal.expectPrompt()
    try terminal.expectPrompt()
    try terminal.send("ee")
    #expect(try program.history == ["one", "two\n漢", "three"])
  }

  @Test func anInterruptedReadingGoesOnToTheSameReply() throws {
    let text = InterruptTests.longText
    let whole = try Program()
    let options = ["-n", "20", "-s", "7", "-t", "1", "-j", "1"]
    let steady = try whole.chat(.attentive, options, columns: 500)
    try steady.send("\u{1B}[200~\(text)\u{1B}[201~")
    let broken = try Program()
    let terminal = try broken.chat(.attentive, options, columns: 500)
    try terminal.type("\u{1B}[200~\(text)\u{1B}[201~")
    // Each stop is in the midst of other layers.
    var kept = 0
    for _ in 1...3 {
      try terminal.type("\r")
      try terminal.expect(" tokens ·")
      try terminal.type("\u{1B}")
      try terminal.expect("stopped while reading (")
      kept = try #require(Int(terminal.expect(" tokens kept").filter { $0.isNumber }))
      try terminal.expectPrompt()
    }
    try terminal.type("\r")
    try terminal.expect(" read, ")
    #expect(try Int(terminal.expect(" cached").filter { $0.isNumber }) == kept)
    try terminal.expectPrompt()
    #expect(try replies(of: broken) == replies(of: whole))
    // Words may be the same although a little of so much is wrong.
    for terminal in [steady, terminal] { try terminal.send(":save a --kv") }
    let caches = [whole, broken].map {
      FileManager.default.contents(atPath: $0.folder.file(".local/share/llama-chat/sessions/a.kv"))
    }
    #expect(caches[0] != nil && caches[0] == caches[1])
  }

  #if os(Linux)
    /// What the system prompt takes is read while nothing is typed, and then nothing is done.
    @Test func theSystemPromptIsReadAtThePrompt() throws {
      let system = (1...300).map { "s\($0)" }.joined(separator: " ")
      let terminal = try Program().chat(
        .slow, ["-n", "5", "--system", system], columns: 200)
      try terminal.until("rest") {
        let before = Self.processorTime(of: terminal.process)
        usleep(500_000)
        return before == Self.processorTime(of: terminal.process)
      }
      try terminal.type("Hello\r")
      try terminal.expect(" read, ")
      let ahead = try terminal.expect(" ahead, 0 cached")
      #expect(try #require(Int(ahead)) > 600)
    }

    /// Ticks of processor time that a process has had.
    private static func processorTime(of process: pid_t) -> ArraySlice<Substring> {
      processFields(process).dropFirst(11).prefix(2)
    }
  #endif

  @Test(arguments: ["reading", "reply"])
  func resizingMeanwhileLeavesNoTrace(during state: String) throws {
    let program = try Program()
    let terminal = try program.chat(.slow, ["-n", "400"], columns: 100)
    let long = "\u{1B}[200~\(InterruptTests.longText)\u{1B}[201~"
    try terminal.type((state == "reading" ? long : "Tell me") + "\r")
    if state == "reading" { try terminal.expect(" tokens ·") } else { try terminal.expectReply() }
    for columns in [30, 120, 60] { terminal.resize(columns: columns, rows: 24) }
    try terminal.expect("400 tok")
    try terminal.expectPrompt()
    try terminal.send("next")
    #expect(try program.history.last == "next")
  }

  /// `| tee log`: what is typed is edited on standard error, and the log gets the replies alone.
  @Test func theReplyGoesIntoAPipeWhileTyping() throws {
    let program = try Program()
    let log = program.folder.file("log")
    let command = (["'" + Program.path + "'"] + (try Models.arguments(.quick))).joined(
      separator: " ")
    let terminal = try PseudoTerminal(
      "/bin/sh", ["-c", "\(command) | cat > '\(log)'"], environment: program.environment)
    try terminal.expectPrompt()
    try terminal.type("Hellu\u{7F}o\r")
    try terminal.expect("cached")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    let text = try String(contentsOfFile: log, encoding: .utf8)
    #expect(!text.contains("\u{1B}") && text.hasSuffix("\n") && text.count > 1)
    #expect(try program.history == ["Hello"])
    let alone = try program.run(Models.arguments(.quick) + ["--prompt", "Hello"])
    #expect(text == alone.output)
  }

  /// A parent in the same process group hears nothing of signals that are for the program alone.
  @Test func signalsStayWithTheProgram() throws {
    let program = try Program()
    let command = (["'" + Program.path + "'"] + (try Models.arguments(.quick))).joined(
      separator: " ")
    let terminal = try PseudoTerminal(
      "/bin/sh",
      [
        "-c",
        "trap 'echo PARENT' WINCH TERM INT HUP; exec 3<&0; \(command) <&3 & echo pid $!.; "
          + "wait $!; echo ended $?",
      ], environment: program.environment)
    try terminal.expect("pid ")
    let child = try #require(pid_t(try terminal.expect(".")))
    try terminal.expectPrompt()
    kill(child, SIGWINCH)
    try terminal.send("Hello")
    kill(child, SIGTERM)
    try terminal.expect("ended 143")
    #expect(!terminal.rawOutput.contains("PARENT\r"))
  }
}
