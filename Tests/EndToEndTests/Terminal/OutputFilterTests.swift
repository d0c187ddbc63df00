import Chat
import Foundation
import TestSupport
import Testing

/// A model that says what a terminal would obey: shown on a terminal, handed on through a pipe.
@Suite(.serialized) struct OutputFilterTests {
  /// Escape sequences in one piece and in several, controls of both sets, characters in pieces, bytes that are none.
  private static let steps: [WalkingModel.Step] = [
    .text("start "), .byte(0x1B), .text("[31m"), .text("red"), .text("\u{1B}]52;c;aGFja2Vk\u{07}"),
    .text("\u{1B}]0;title\u{1B}\\"), .byte(0xC2), .byte(0x9B), .text("2J"),
    .text("\u{9D}0;x\u{9C}"),
    .byte(0x0D), .text("over"), .byte(0xF0), .byte(0x9F), .byte(0x98), .byte(0x80), .text("mid"),
    .byte(0xFF), .text("one"), .byte(0xE6), .byte(0xBC), .text("cut"), .text("\u{202E}\u{2066}"),
    .text("\u{08}\u{7F}\u{05}"), .text("**bold** `co"), .byte(0x60), .byte(0x0A), .text("漢 end"),
    .byte(0xE2),
  ]
  /// A byte that belongs to no character is one U+FFFD.
  private static let reply = String(decoding: WalkingModel.bytes(of: steps), as: UTF8.self)
    .replacingOccurrences(of: "one\u{FFFD}cut", with: "one\u{FFFD}\u{FFFD}cut")
  private static let shown =
    "start ␛[31mred␛]52;c;aGFja2Vk␇␛]0;title␛\\\\u{9b}2J\\u{9d}0;x\\u{9c}␍over😀mid\u{FFFD}one\u{FFFD}\u{FFFD}cut"
    + "\\u{202e}\\u{2066}␈␡␅**bold** `co`\n漢 end\u{FFFD}"

  private func model(of program: Program) throws -> String {
    let path = program.folder.file("walk.bin")
    try WalkingModel.write(to: path, saying: Self.steps)
    return path
  }

  /// What the program sent to the terminal, colours taken off.
  private func output(of terminal: PseudoTerminal) throws -> String {
    terminal.rawOutput.replacing(try Regex("\u{1B}\\[[0-9;]*m"), with: "")
      .replacingOccurrences(of: "\r\n", with: "\n")
  }

  @Test(arguments: ["1", ""])
  func aTerminalIsShownWhatItWouldObey(noColor: String) throws {
    let program = try Program(["NO_COLOR": noColor])
    let terminal = try PseudoTerminal(
      Program.path, [try model(of: program), "-t", "0"], environment: program.environment,
      columns: 200)
    try terminal.expectPrompt()
    try terminal.send("Hello")
    for command in [":history", ":probs", ":probs 2", ":regen", ":ctx"] {
      try terminal.send(command)
    }
    let output = try output(of: terminal)
    #expect(output.contains(Self.shown + "\n"), "\(output.debugDescription)")
    // In the reply and in :history.
    #expect(output.components(separatedBy: "␛]52;c;aGFja2Vk␇").count >= 3)
    for obeyed in ["\u{1B}]", "\u{9B}", "\u{9D}", "\u{202E}", "\u{07}", "\u{08}", "\u{1B}[31m"] {
      #expect(!terminal.rawOutput.unicodeScalars.contains(obeyed.unicodeScalars))
    }
  }

  @Test func aPipeGetsTheReplyAsItIs() throws {
    let program = try Program()
    let outcome = try program.run([try model(of: program), "-t", "0", "--prompt", "Hello"])
    #expect(outcome.code == 0 && outcome.errors.isEmpty)
    #expect(outcome.output == Self.reply + "\n")
    #expect(TerminalText.visible(Self.reply) == Self.shown)
  }

  /// The same on a terminal that would do it.
  @Test(.enabled(if: Tmux.isThere, "needs tmux"))
  func aRealScreenStaysWhole() throws {
    let program = try Program()
    let tmux = try Tmux(program, [try model(of: program), "-t", "0"], columns: 200, rows: 30)
    try tmux.until("a prompt") { $0.contains { $0.hasPrefix(">") } }
    let title = try tmux.tell("display-message", "-p", "#{pane_title}")
    try tmux.type("Hello")
    try tmux.press("Enter")
    try tmux.until("the reply") { $0.contains { $0.contains(" cached") } }
    let screen = try tmux.screen()
    for line in Self.shown.split(separator: "\n") {
      #expect(screen.contains(String(line)), "\(screen)")
    }
    #expect(screen.contains { $0.contains("llama-chat") })
    #expect(try tmux.tell("display-message", "-p", "#{pane_title}") == title)
    #expect(try tmux.tell("list-buffers") == "")
  }
}
