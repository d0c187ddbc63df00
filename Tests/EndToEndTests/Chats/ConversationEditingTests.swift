import Foundation
import TestSupport
import Testing

/// Commands that change what was said, where they meet the terminal.
@Suite(.serialized) struct ConversationEditingTests {
  @Test func aQuestionIsEditedInTheLine() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.type("one\r")
    try terminal.expectPrompt()
    try terminal.type(":edit\r")
    try terminal.expect("turn 1: Enter replaces it")
    try terminal.expectPrompt()
    try terminal.expect("one")
    try terminal.type("\u{03}")
    try terminal.expect("turn 1 unchanged")
    try terminal.expectPrompt()
    try terminal.type(":edit\r")
    try terminal.expectPrompt()
    try terminal.type(" more\r")
    try terminal.expectPrompt()
    #expect(try program.history.last == "one more")
    try terminal.type(":branch\r")
    try terminal.expect("1  1 turn, other from turn 1: \"one\"")
  }

  @Test func aQuestionIsEditedInTheUsersEditor() throws {
    let terminal = try Program(["EDITOR": "sed -i s/one/uno/"]).chat()
    try terminal.type("one\r")
    try terminal.expectPrompt()
    let modes = terminal.modes
    try terminal.type(":edit! 1\r")
    try terminal.expect("cached")
    try terminal.expectPrompt()
    #expect(terminal.modes == modes)
    try terminal.type(":history\r")
    try terminal.expect("> uno")
    try terminal.expectPrompt()
    try terminal.type(":edit! 1\r")
    try terminal.expect("turn 1 unchanged")
  }

  @Test func aPlainTerminalShowsTheQuestion() throws {
    let program = try Program()
    let terminal = try PseudoTerminal(
      Program.path, try Models.arguments(.quick) + ["--plain"], environment: program.environment)
    for line in ["one\r", ":edit\r"] {
      try terminal.expect("> ")
      try terminal.type(line)
    }
    try terminal.expect("turn 1: Enter replaces it")
    try terminal.expect("was: one")
    try terminal.expect("> ")
    try terminal.type("two\r")
    try terminal.expect("cached")
    try terminal.expect("> ")
    try terminal.type(":history\r")
    try terminal.expect("> two")
  }

  @Test func aFailingEditorChangesNothing() throws {
    let terminal = try Program(["EDITOR": "false"]).chat()
    try terminal.type("one\r")
    try terminal.expectPrompt()
    try terminal.type(":amend\r")
    try terminal.expect(":amend: false: ended with status 1; the text is unchanged")
    try terminal.expectPrompt()
    try terminal.type(":history\r")
    try terminal.expect("> one")
  }

  /// What was saved before the editor failed may be long work.
  @Test func whatAFailingEditorSavedIsKept() throws {
    let folder = try TemporaryDirectory()
    let editor = try folder.write("editor", Array("echo better > \"$1\"; exit 3\n".utf8))
    let terminal = try Program(["EDITOR": "sh \(editor)", "TMPDIR": folder.path]).chat(columns: 500)
    try terminal.send("one")
    try terminal.type(":amend\r")
    try terminal.expect("ended with status 3; the text is unchanged; what it saved is in ")
    let path = try terminal.expect(".md") + ".md"
    #expect(FileManager.default.contents(atPath: path) == Data("better\n".utf8), "\(path)")
    try terminal.expectPrompt()
  }

  @Test func aStoppedReplyGoesOn() throws {
    let terminal = try Program().chat(.slow)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect(":continue :regen :undo")
    try terminal.expectPrompt()
    try terminal.type(":max 3\r")
    try terminal.expectPrompt()
    try terminal.type(":continue\r")
    try terminal.expect(": 1 read, ")
    try terminal.expectPrompt()
  }

  @Test func aReplyGoesToTheClipboard() throws {
    let terminal = try Program().chat()
    try terminal.type("one\r")
    try terminal.expectPrompt()
    try terminal.type(":copy\r")
    try terminal.expect("to the terminal's clipboard")
    #expect(terminal.rawOutput.contains("\u{1B}]52;c;"))
    let inTmux = try Program(["TMUX": "/tmp/tmux,1,0"]).chat()
    try inTmux.type("one\r")
    try inTmux.expectPrompt()
    try inTmux.type(":copy\r")
    try inTmux.expect("to the terminal's clipboard")
    #expect(inTmux.rawOutput.contains("\u{1B}Ptmux;\u{1B}\u{1B}]52;c;"))
  }
}
