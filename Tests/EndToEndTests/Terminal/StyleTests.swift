import Chat
import Foundation
import Testing

@testable import llama_chat

/// What is coloured where, and that nothing else changes.
@Suite(.serialized) struct StyleTests {
  private func style(_ changes: (inout TerminalStyle) -> Void = { _ in }) -> TerminalStyle {
    var style = TerminalStyle(stream: -1, policy: .never, plain: false, environment: [:])
    changes(&style)
    return style
  }

  @Test func eachPieceEndsItsStyle() {
    let colored = style { $0.colors = true }
    #expect(colored.styled("a", as: [.strong, .emphasis]) == "\u{1B}[1;3ma\u{1B}[0m")
    #expect(colored.styled("a", as: []) == "a")
    for style in [TextStyle.code, .codeBlock, .fence, .heading, .marker, .strong, .emphasis] {
      let text = colored.styled("x\n", as: style)
      #expect(text.hasPrefix("\u{1B}[") && text.hasSuffix("mx\n\u{1B}[0m"))
      #expect(self.style().styled("x\n", as: style) == "x\n")
    }
  }

  /// A context that is nearly full is told by colour as well.
  @Test func warningsAreYellow() {
    let colored = style {
      $0.colors = true
      $0.repaints = true
    }
    let text = colored.rightPrompt(PromptStatus("ctx 84% nearly full", warns: true))
    #expect(text.contains("\u{1B}[33m\u{1}ctx 84% nearly full\u{1}\u{1B}[0m"))
    #expect(colored.rightPrompt(PromptStatus("ctx 3%")).contains("\u{1B}[2m\u{1}ctx 3%"))
    #expect(style { $0.repaints = true }.rightPrompt(PromptStatus("x", warns: true)) == "x")
  }

  /// `--color always` asks for colours without a terminal, but the reply's bytes stay its own.
  @Test func aPipeGetsTheReplysBytes() throws {
    let arguments = [
      try Models.path(.quick), "-t", "1", "-s", "5", "-n", "200", "--prompt", "Hello",
    ]
    let bare = try Program().run(arguments)
    let colored = try Program(["NO_COLOR": ""]).run(arguments + ["--color", "always"])
    #expect(bare.code == 0 && bare.output.count > 100)
    #expect(colored.output == bare.output)
  }

  /// The same reply on a terminal with colours and on one without.
  @Test func coloursAreAllThatIsAdded() throws {
    func reply(_ environment: [String: String], _ options: [String]) throws -> String {
      let program = try Program(environment)
      let arguments = [
        try Models.path(.quick), "-t", "1", "-s", "5", "-n", "200", "--prompt", "Hello",
      ]
      let terminal = try PseudoTerminal(
        Program.path, arguments + options, environment: program.environment)
      #expect(try terminal.ending() == .exit(0))
      return terminal.rawOutput
    }
    let colored = try reply(["NO_COLOR": ""], [])
    let codes = try Regex("\u{1B}\\[[0-9;]*m")
    let bare = try reply([:], [])
    #expect(!bare.contains("\u{1B}"))
    #expect(colored.replacing(codes, with: "") == bare)
    #expect(try reply(["NO_COLOR": "", "TERM": "dumb"], []) == bare)
    #expect(try reply(["NO_COLOR": ""], ["--plain"]) == bare)
    #expect(try reply(["NO_COLOR": ""], ["--color", "never"]) == bare)
  }

  /// What a reply on a terminal is coloured by.
  @Test(arguments: [
    (["TERM": "xterm-256color"], true), (["TERM": "linux"], true), (["TERM": "vt100"], false),
    (["TERM": "no-such-terminal"], false), (["TERM": "dumb", "COLORTERM": "truecolor"], false),
    (["TERM": "no-such-terminal", "COLORTERM": "truecolor"], true),
    (["TERM": "xterm-256color", "NO_COLOR": "1", "COLORTERM": "truecolor"], false),
  ])
  func theTerminalsDescriptionDecides(environment: [String: String], isColored: Bool) throws {
    let program = try Program(["NO_COLOR": ""].merging(environment) { $1 })
    let terminal = try PseudoTerminal(
      Program.path, try Models.arguments(.quick), environment: program.environment)
    try terminal.expect("> ")
    try terminal.type(":temp 0.5\r:temp hot\r")
    try terminal.expect("must be 0…2")
    #expect(terminal.rawOutput.contains("\u{1B}[31m") == isColored)
  }

  @Test func theGaugeIsDrawnWhereItCanBeSeen() throws {
    for (options, isDrawn) in [([], true), (["--plain"], false)] as [([String], Bool)] {
      let program = try Program()
      let terminal = try PseudoTerminal(
        Program.path, try Models.arguments(.quick) + options, environment: program.environment)
      try terminal.expect("> ")
      try terminal.type("one\r")
      try terminal.expect("cached")
      try terminal.expect("> ")
      try terminal.type(":ctx\r")
      try terminal.expect(" free")
      try terminal.expect(isDrawn ? "reply" : "question+reply")
      #expect(terminal.rawOutput.contains("█") == isDrawn)
      try terminal.type(":bench 2\r")
      try terminal.expect("read from the same file")
    }
  }
}
