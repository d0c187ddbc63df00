import Chat
import Foundation
import TestSupport
import Testing

/// A hundred presses of Ctrl-C at once, in every state: the program is there, the terminal right, the chat what it was.
@Suite(.serialized) struct MashingTests {
  private static let mash = String(repeating: "\u{03}", count: 100)

  /// Tokens in use, by `:ctx`, which must be typed on a line that is empty by then.
  private func used(_ terminal: PseudoTerminal) throws -> String {
    try terminal.type("\u{03}\u{15}:ctx\r")
    let before = try terminal.expect(" of 8,192 tokens")
    try terminal.expectPrompt()
    return try #require(before.split(separator: " ").last).filter { $0 != "," }
  }

  private func leave(_ terminal: PseudoTerminal) throws {
    let original = try terminal.originalModes()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    #expect(terminal.modes == original && !terminal.pasteMarksAreOn)
  }

  @Test(arguments: ["prompt", "reading", "reply"])
  func presses(during state: String) throws {
    let program = try Program()
    let terminal = try program.chat(.slow, columns: 500)
    try terminal.type("One\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect("stopped after")
    try terminal.expectPrompt()
    var expected = try used(terminal)
    switch state {
    case "prompt":
      try terminal.type("half a thought" + Self.mash)
    case "reading":
      try terminal.type("\u{1B}[200~\(InterruptTests.longText)\u{1B}[201~\r")
      try terminal.expect(" tokens ·")
      try terminal.type(Self.mash)
      try terminal.expect("stopped while reading")
    default:
      try terminal.type("Two\r")
      try terminal.expectReply()
      try terminal.type(Self.mash)
      try terminal.expect("stopped after")
      // What the reply's own line says.
      try terminal.expect(" · ctx ")
      expected = try terminal.expect("/8192")
    }
    try terminal.expectPrompt()
    #expect(try used(terminal) == expected)
    try terminal.type(":history\r")
    try terminal.expect("> One")
    if state == "reply" { try terminal.expect("> Two") }
    try terminal.expectPrompt()
    try leave(terminal)
  }

  /// At the first prompt the model reads what every prompt begins with.
  @Test func pressesWhileReadingAhead() throws {
    let system = (1...300).map { "s\($0)" }.joined(separator: " ")
    func chat(mashing: Bool) throws -> (used: String, replies: [Turn]) {
      let program = try Program()
      let terminal = try program.chat(
        .attentive, ["-n", "40", "-s", "7", "--system", system], columns: 500)
      if mashing {
        for _ in 1...5 { try terminal.type(String(Self.mash.prefix(20))) }
      }
      let used = try used(terminal)
      try terminal.send("Hello")
      try leave(terminal)
      return (used, try program.keptChats().flatMap(\.turns))
    }
    let (calm, mashed) = (try chat(mashing: false), try chat(mashing: true))
    #expect(calm.replies.count == 1)
    #expect(mashed.used == calm.used && mashed.replies == calm.replies)
  }

  /// Nothing is lost by then, so loading ends as any program does.
  @Test func pressesWhileLoading() throws {
    for _ in 1...5 {
      let program = try Program()
      // Trying numbers of threads takes a tenth of a second at least.
      let terminal = try PseudoTerminal(
        Program.path, Models.arguments(.slow) + ["-j", "auto"], environment: program.environment)
      let original = try terminal.originalModes()
      try terminal.until("the busy modes or a prompt") {
        terminal.isBusy || terminal.pasteMarksAreOn
      }
      guard !terminal.pasteMarksAreOn else { continue }
      try terminal.type(Self.mash)
      var ending: PseudoTerminal.Ending?
      try terminal.until("the end or a prompt") {
        ending = terminal.endingIfOver()
        return ending != nil || terminal.pasteMarksAreOn
      }
      #expect(ending == nil || ending == .signal(SIGINT))
      guard ending != nil else { continue }  // It was there already: once more.
      #expect(terminal.modes == original && !terminal.pasteMarksAreOn)
      return
    }
    Issue.record("the prompt came first, five times")
  }
}
