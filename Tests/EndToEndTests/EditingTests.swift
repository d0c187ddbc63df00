import Foundation
import TestSupport
import Testing

/// Typing, editing, pasting: what is sent is what the person meant.
@Suite(.serialized) struct EditingTests {
  /// Keys up to Enter, and the message they make.
  private static let cases: [(keys: String, message: String)] = [
    ("hello", "hello"),
    ("é漢😀x", "é漢😀x"),
    ("abcd\u{1B}[D\u{1B}[D\u{7F}X", "aXcd"),
    ("é漢\u{7F}😀", "é😀"),
    ("a\u{301}", "á"),
    ("x\u{323}\u{302}\u{7F}b", "b"),
    ("👩‍💻漢\u{1B}[D\u{7F}z", "z漢"),
    ("👩‍💻漢\u{1B}[D\u{1B}[D\u{1B}[3~", "漢"),
    ("a\nb\u{1B}\rc\u{1B}[13;2ud", "a\nb\nc\nd"),
    ("x\u{1B}[15~\u{1B}[1;6Py", "xy"),
    ("foo bar/baz.txt\u{17}Q", "foo Q"),
    ("foo bar\u{17}\u{19}\u{19}", "foo barbar"),
    ("one\ntwo three\u{1B}b\u{15}X", "one\nXthree"),
    ("one\ntwo\u{1B}[A\u{1B}[D\u{0B}\u{0B}X", "onXtwo"),
    ("foo bar\u{1B}[1;3DX\u{1B}[1;5DY\u{1B}[1;5CZ", "foo YXbarZ"),
    ("foo\u{1B}[HA\u{1B}[FB\u{1B}OHc\u{1B}OFd", "cAfooBd"),
    ("one \\\rtwo", "one \ntwo"),
    ("\"\"\"one\rtwo\"\"\"", "\"\"\"one\ntwo\"\"\""),
  ]

  @Test(arguments: ["C.UTF-8", "C", "xx_XX.UTF-8"])
  func whatIsTypedIsSent(locale: String) throws {
    let program = try Program(["LANG": locale])
    let terminal = try program.chat()
    for (keys, message) in Self.cases {
      try terminal.type(keys + "\r")
      try terminal.expectPrompt()
      #expect(try program.history.last == message)
    }
  }

  @Test func pastedTextIsOneMessage() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.type("\u{1B}[200~one\r\ntwo\rthree \\\n\tfour\u{03}\u{1B}[31m\u{1B}[201~ five\r")
    try terminal.expectPrompt()
    #expect(try program.history == ["one\ntwo\nthree \\\n\tfour[31m five"])
  }

  @Test func aLongPasteArrivesWhole() throws {
    let program = try Program()
    let terminal = try program.chat()
    let text = (1...600).map { "line \($0) with é and 漢 and some words" }.joined(separator: "\n")
    try terminal.type("\u{1B}[200~\(text)\u{1B}[201~\r")
    // Far longer than the context: refused with both numbers, and back in the editor.
    try terminal.expect("512")
    try terminal.expectPrompt()
    #expect(try program.history == [text])
  }

  @Test func tabCompletesAndLists() throws {
    let terminal = try Program().chat()
    try terminal.type(":te\t0.5\r")
    try terminal.expect("temp 0.00 → 0.50")
    try terminal.expectPrompt()
    try terminal.type(":t\t")
    try terminal.expect(":temp")
    try terminal.expect(":threads")
    try terminal.expect(":topp")
    try terminal.type("emp\r")
    try terminal.expect("temp 0.50")
  }

  @Test func arrowsWalkThroughHistoryOfEarlierRuns() throws {
    let program = try Program()
    let first = try program.chat()
    try first.type("first message\r")
    try first.expectPrompt()
    try first.type(" a secret\r")
    try first.expectPrompt()
    try first.type("two\nlines \r")
    try first.expectPrompt()
    try first.type("\u{04}")
    #expect(try first.ending() == .exit(0))

    let second = try program.chat()
    try second.type("\u{1B}[A\r")
    try second.expectPrompt()
    try second.type("\u{1B}[A\u{1B}[A\u{1B}[A!\r")
    try second.expectPrompt()
    try second.type("\u{12}first\u{1B}[F?\r")
    try second.expectPrompt()
    let sent = ["first message", "two\nlines ", "two\nlines ", "two\nlines !", "first message?"]
    #expect(try program.history.map { $0 } == sent)

    let file = program.folder.file(".local/state/llama-chat/history")
    var status = stat()
    #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func noHistoryLeavesNoFile() throws {
    let program = try Program()
    let terminal = try program.chat(.quick, ["--no-history"])
    try terminal.type("hello\r")
    try terminal.expectPrompt()
    #expect(try program.history.isEmpty)
  }

  @Test func aTallTextGivenBackDoesNotHideTheReason() throws {
    let terminal = try Program().chat()
    let lines = (1...200).map { "line \($0)" }.joined(separator: "\n")
    try terminal.type("\u{1B}[200~" + lines + "\u{1B}[201~")
    try terminal.expect("line 200")
    try terminal.type("\r")
    try terminal.expect("message too long")
    try terminal.expect("↑ brings it back")
    try terminal.expectPrompt()
    try terminal.type("\u{1B}[A")
    try terminal.expect("line 200")
  }

  @Test func resizingKeepsTheText() throws {
    let program = try Program()
    let terminal = try program.chat(.quick, columns: 80)
    let words = "The quick brown fox jumps over the lazy dog, again and again and again"
    try terminal.type(words)
    try terminal.expect("again and again")
    for columns in [40, 23, 100] {
      terminal.resize(columns: columns, rows: 24)
      // Painted again in the new width: the prompt, then the text.
      try terminal.expect("> The quick")
    }
    try terminal.type("!\r")
    try terminal.expectPrompt()
    #expect(try program.history == [words + "!"])
  }
}
