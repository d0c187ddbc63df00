import Chat
import Foundation
import TestSupport
import Testing

/// Ctrl-C, Ctrl-Z and ends: in every state the terminal is given back as it was.
@Suite(.serialized) struct InterruptTests {
  @Test func interruptingThePromptKeepsTheTextReachable() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.type("half a thought\u{03}")
    try terminal.expect("^C")
    try terminal.expectPrompt()
    for _ in 1...50 {
      try terminal.type("\u{03}")
      try terminal.expectPrompt()
    }
    try terminal.type("\u{1B}[A, finished\r")
    try terminal.expectPrompt()
    #expect(try program.history == ["half a thought, finished"])
  }

  @Test func interruptingAReplyKeepsTheChat() throws {
    let terminal = try Program().chat(.slow)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect("stopped after")
    try terminal.expectPrompt()
    try terminal.type(":ctx\r")
    try terminal.expect("turn 1 ")
    try terminal.expectPrompt()
    try terminal.type("And then?\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect("cached")
    try terminal.expectPrompt()
  }

  /// Enter sent together with Ctrl-C, before the terminal has changed its modes.
  @Test func controlCRightAfterEnterStops() throws {
    let terminal = try Program().chat(.slow)
    try terminal.type("Tell me\r\u{03}")
    try terminal.expect("stopped")
    try terminal.expectPrompt()
  }

  static let longText = (1...1500).map { "w\($0)" }.joined(separator: " ")

  @Test func typeAheadWaitsForThePrompt() throws {
    let program = try Program()
    let terminal = try program.chat(.slow, ["-n", "2000"])
    try terminal.type("one\r")
    try terminal.expectReply()
    try terminal.type("two\r\u{04}")
    try terminal.expectPrompt()
    try terminal.expectPrompt()
    #expect(try program.history == ["one", "two"])
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
  }

  @Test func interruptingTheReadingGivesTheTextBack() throws {
    let program = try Program()
    let terminal = try program.chat(.slow, columns: 500)
    let text = Self.longText
    try terminal.type("\u{1B}[200~\(text)\u{1B}[201~\r")
    try terminal.expectBusy()
    try terminal.expect(" tokens ·")
    try terminal.type("\u{03}")
    try terminal.expect("stopped while reading")
    try terminal.expectPrompt()
    try terminal.expect("w1500")
    try terminal.type("\u{03}")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    #expect(try program.history == [text])
  }

  @Test func settingsTurnBetweenReplies() throws {
    let terminal = try Program().chat(.quick, ["-j", "1"])
    try terminal.type("one\r")
    try terminal.expect(" 0 cached")
    try terminal.expectPrompt()
    try terminal.type(":threads 2\r")
    try terminal.expect("threads 1 → 2")
    try terminal.expectPrompt()
    try terminal.type(":temp 0.9\r")
    try terminal.expect("temp 0.00 → 0.90")
    try terminal.expectPrompt()
    try terminal.type(":temp hot\r")
    try terminal.expect("must be 0…2")
    try terminal.expectPrompt()
    try terminal.type("two\r")
    let statistics = try terminal.expect(" cached")
    #expect(!statistics.hasSuffix(" 0"))
    try terminal.expect("2 threads")
  }

  // MARK: - Ends

  /// How to leave from the prompt, and how the program then ends.
  private static let exits: [(keys: String, ending: PseudoTerminal.Ending)] = [
    ("\u{04}", .exit(0)), (":quit\r", .exit(0)), (":max 2\r:q\r", .exit(0)),
    ("\u{03}\u{04}", .exit(0)),
  ]

  @Test func leavingRestoresTheTerminal() throws {
    for (keys, ending) in Self.exits {
      let terminal = try Program().chat()
      let original = try terminal.originalModes()
      #expect(terminal.modes != original)
      try terminal.type(keys)
      #expect(try terminal.ending() == ending)
      #expect(terminal.modes == original)
      #expect(!terminal.pasteMarksAreOn)
    }
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGQUIT])
  func signalsRestoreTheTerminal(signal: Int32) throws {
    let atPrompt = try Program().chat()
    let original = try atPrompt.originalModes()
    kill(atPrompt.process, signal)
    #expect(try atPrompt.ending() == .signal(signal))
    #expect(atPrompt.modes == original)
    #expect(!atPrompt.pasteMarksAreOn)

    let talking = try Program().chat(.slow)
    try talking.type("Tell me\r")
    try talking.expectReply()
    kill(talking.process, signal)
    #expect(try talking.ending() == .signal(signal))
    #expect(talking.modes == original)
  }

  /// Several times, as chance decides which thread comes upon the missing pages first.
  @Test("M49: a file cut short while in use", arguments: 1...8)
  func aModelCutShortEndsTheProgram(attempt: Int) throws {
    let program = try Program()
    let model = program.folder.file("model.bin")
    try FileManager.default.copyItem(
      atPath: try #require(Models.arguments(.slow).first), toPath: model)
    let terminal = try PseudoTerminal(
      Program.path, [model, "-t", "0", "-j", "2"], environment: program.environment)
    try terminal.expectPrompt()
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: model))
    try file.truncate(atOffset: 256)
    #expect(try terminal.ending() == .exit(3))
    #expect(terminal.rawOutput.contains("error: the model file became unreadable"))
    #expect(try terminal.modes == terminal.originalModes())
  }

  /// Of the last page a little may go unnoticed by the processor.
  @Test func aModelCutAtItsEndEndsTheProgram() throws {
    let program = try Program()
    let model = program.folder.file("model.bin")
    try FileManager.default.copyItem(
      atPath: try #require(Models.arguments(.quick).first), toPath: model)
    let terminal = try PseudoTerminal(
      Program.path, [model, "-t", "0"], environment: program.environment)
    try terminal.expectPrompt()
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: model))
    try file.truncate(atOffset: try file.seekToEnd() - 1)
    try terminal.type("Tell me\r")
    #expect(try terminal.ending() == .exit(3))
    #expect(terminal.rawOutput.contains("error: the model file became unreadable"))
    #expect(try terminal.modes == terminal.originalModes())
  }

  /// The chat goes on with the file it has, which only lost its name.
  @Test("M50: a file replaced while in use")
  func aReplacedModelGoesOn() throws {
    let program = try Program()
    let model = try program.folder.write(
      "model.bin", Data(contentsOf: URL(fileURLWithPath: Models.path(.quick))))
    let terminal = try PseudoTerminal(
      Program.path, [model, "-t", "0", "-n", "3"], environment: program.environment)
    terminal.home = program.folder
    try terminal.expectPrompt()
    let other = try program.folder.write("other", Array("no model".utf8))
    #expect(rename(other, model) == 0)
    try terminal.send("Hello")
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    let folder = program.folder.file(".local/state/llama-chat/autosave")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    let kept = try SessionFile.read(path: folder + "/" + (try #require(files.first)))
    let alone = try program.run(Models.arguments(.quick) + ["--prompt", "Hello"])
    #expect(try #require(kept.turns.first).answer + "\n" == alone.output)
    #expect(try program.run([model, "--prompt", "Hello"]).code == 3)
  }

  @Test(arguments: ["prompt", "reading", "reply"])
  func suspendingGivesTheShellItsTerminal(during state: String) throws {
    let program = try Program(["PS1": "shell> "])
    let shell = try PseudoTerminal(
      "/bin/sh", ["-i"], environment: program.environment, columns: 200)
    try shell.expect("shell> ")
    let atShell = shell.modes
    let arguments = try Models.arguments(.slow)
    let command = ([Program.path] + arguments).joined(separator: " ")
    try shell.type(command + "\r")
    try shell.expectPrompt()
    if state == "prompt" {
      try shell.type("half")
    } else if state == "reading" {
      try shell.type("\u{1B}[200~\(Self.longText)\u{1B}[201~\r")
      try shell.expect(" tokens ·")
    } else {
      try shell.type("Tell me\r")
      try shell.expectReply()
    }
    try shell.type("\u{1A}")
    try shell.expect("shell> ")
    #expect(shell.modes == atShell)

    try shell.type("fg\r")
    if state == "prompt" {
      try shell.expect("> half")
      try shell.type(" and half\r")
      try shell.until("the message") { (try? program.history) == ["half and half"] }
      try shell.expectReply()
    }
    try shell.expectBusy()
    try shell.expectText()
    // Pastes are still marked when the reply is over; what goes on may be seen before that is asked for.
    try shell.until("marked pastes") { shell.pasteMarksAreOn }
    try shell.type("\u{03}")
    try shell.expect("stopped")
    try shell.expectPrompt()
    try shell.type("\u{15}:quit\r")
    try shell.expect("shell> ")
    #expect(shell.modes == atShell)
  }
}
