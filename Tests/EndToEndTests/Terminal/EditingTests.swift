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
    ("foo bar\u{15}\u{1F}!", "foo bar!"),
    ("one two\u{17}x\u{1F}y", "one xtwoy"),
    ("foo bar\u{1B}b\u{1B}dX\u{1F}", "foo Xbar"),
    ("foo bar\u{01}\u{0B}\u{19}", "foo bar"),
    ("ab\u{14}", "ba"),
    ("a\u{16}\u{01}b", "a\u{01}b"),
    ("🇩🇪🇫🇷\u{7F}x", "🇩🇪x"),
    ("👨‍👩‍👧é\u{1B}[D\u{1B}[D\u{1B}[3~", "é"),
    ("漢字かな\u{1B}[D\u{1B}[D\u{7F}", "漢かな"),
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

  /// A pasted text cannot end its own paste and then type: not even with a beginning of another.
  @Test(arguments: ["", "\u{1B}[200~"])
  func aPasteCannotLeaveItsMarks(beginning: String) throws {
    let program = try Program()
    let terminal = try program.chat()
    let pasted = ":temp 1\u{1B}[201~\r:temp 2\r\n\ttwo\u{03}\u{04}\r\(beginning)three"
    try terminal.type("\u{1B}[200~\(pasted)\u{1B}[201~")
    try terminal.expect("three")
    try terminal.send(" four")
    #expect(try program.history == [":temp 1\n:temp 2\n\ttwo\nthree four"])
    try terminal.type(":temp\r")
    try terminal.expect("temp 0.00")
  }

  /// Not marked as pasted, lines still make one message; commands are carried out one by one.
  @Test func pastesWithoutMarksAreOneMessage() throws {
    let program = try Program()
    let terminal = try program.chat()
    let lines = (1...20).map { "line \($0)" }
    try terminal.type(lines.joined(separator: "\r") + "\r")
    try terminal.expectPrompt()
    #expect(try program.history == [lines.joined(separator: "\n")])
    try terminal.type(":temp 0.5\r:temp\r")
    try terminal.expect("0.00 → 0.50")
    try terminal.expect("temp 0.50")
    #expect(try program.history.suffix(2) == [":temp 0.5", ":temp"])
  }

  @Test func aBackslashGoesOnInTheNextLine() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.type("one \\")
    try terminal.expect("\\")
    try terminal.type("\r")
    try terminal.until("the next line") { terminal.rawOutput.hasSuffix("\r\n") }
    try terminal.send("two")
    #expect(try program.history == ["one \ntwo"])
  }

  @Test func arrowsWalkThroughLinesThenEntries() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.send("earlier")
    // Up within the draft, up to the entry, and down again to the draft.
    try terminal.send("one\ntwo\u{1B}[A1\u{1B}[A\u{1B}[B2")
    #expect(try program.history.last == "one1\ntwo2")
    // Down within it.
    try terminal.send("ab\ncd\u{1B}[A1\u{1B}[B2")
    #expect(try program.history.last == "ab1\ncd2")
    try terminal.send("draft\u{1B}OA\u{1B}OB!")
    #expect(try program.history.last == "draft!")
  }

  @Test func entriesAreFoundByTheirBeginning() throws {
    let program = try Program()
    let terminal = try program.chat()
    for line in ["alpha one", "beta", "alpha two", "gamma"] { try terminal.send(line) }
    try terminal.send("al\u{1B}p!")
    try terminal.send("al\u{1B}p\u{1B}p\u{1B}p?")
    try terminal.send("ga\u{1B}p\u{1B}n.")
    #expect(try program.history.suffix(3) == ["alpha two!", "alpha one?", "ga."])
  }

  @Test func whatControlCTookComesBack() throws {
    let program = try Program()
    let terminal = try program.chat()
    try terminal.type("a long\nthought\u{03}")
    try terminal.expectPrompt()
    try terminal.send("\u{1F}, whole")
    #expect(try program.history == ["a long\nthought, whole"])
  }

  @Test(arguments: ["\u{07}", "\u{18}\u{05}"])
  func theLineGoesThroughTheUsersEditor(keys: String) throws {
    let program = try Program(["EDITOR": "sed -i s/b/漢/"])
    let terminal = try program.chat()
    try terminal.type("abc" + keys)
    try terminal.expect("a漢c")
    try terminal.send("!")
    #expect(try program.history == ["a漢c!"])
    #expect(terminal.pasteMarksAreOn)
  }

  /// Colours end before the text begins.
  @Test func promptColoursDoNotBleed() throws {
    let terminal = try Program(["NO_COLOR": ""]).chat()
    try terminal.send("text")
    let output = terminal.rawOutput
    for colour in ["\u{1B}[1;32m>", "\u{1B}[2mctx"] {
      let uses = output.ranges(of: colour)
      #expect(!uses.isEmpty)
      for use in uses {
        let rest = output[use.upperBound...]
        let end = try #require(rest.firstRange(of: "\u{1B}["))
        #expect(rest[end.lowerBound...].hasPrefix("\u{1B}[0m"))
      }
    }
  }

  /// Also those that the system does not know, and those it knows to have none.
  @Test(arguments: ["dumb", "", "no-such-terminal", "vt100"])
  func simpleTerminalsGetNoColours(term: String) throws {
    let program = try Program(["TERM": term, "NO_COLOR": ""])
    let terminal = try PseudoTerminal(
      Program.path, try Models.arguments(.quick), environment: program.environment)
    try terminal.expect("Ctrl-C stops the reply")
    try terminal.expect("> ")
    try terminal.type("Hello\r")
    try terminal.expect("tok/s")
    try terminal.expect("> ")
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    #expect(!terminal.rawOutput.contains(try Regex("\u{1B}\\[[0-9;]*m")))
    #expect(try program.history == ["Hello"])
  }

  @Test(arguments: [50, 60, 80, 200])
  func linesOfPartsBreakBetweenThem(columns: Int) throws {
    let terminal = try Program().chat(columns: columns)
    let banner = terminal.rawOutput.split(separator: "\r\n").prefix { !$0.contains(">") }
    #expect(banner.count >= 3 && banner.allSatisfy { $0.count <= columns }, "\(banner)")
    try terminal.type("Hello\r")
    try terminal.expect("3 tok ")
    let text = "3 tok " + (try terminal.expect("thread"))
    let rows = text.split(separator: "\r\n")
    #expect((rows.count == 1) == (columns == 200))
    #expect(
      rows.allSatisfy { $0.count <= columns && !$0.hasSuffix(" ·") || $0 == rows.last }, "\(rows)")
    #expect(rows.joined(separator: " · ").contains(" cached · ctx "), "\(rows)")
    try terminal.expectPrompt()
  }

  @Test func twoTerminalsShareTheHistory() throws {
    let program = try Program()
    let first = try program.chat()
    let second = try program.chat()
    try first.send("漢字 one")
    try second.send("two ")
    try first.send("three")
    #expect(try program.history == ["漢字 one", "two ", "three"])
    let third = try program.chat()
    try third.send("\u{1B}[A\u{1B}[A\u{1B}[A")
    #expect(try program.history.last == "漢字 one")
  }

  @Test func aLongPasteArrivesWhole() throws {
    let program = try Program()
    let terminal = try program.chat()
    let text = (1...1500).map { "line \($0) with é and 漢 and some words" }.joined(separator: "\n")
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

  /// The user's own keys, but for those without which nothing works; not when no configuration is wanted.
  @Test func keysAreBoundByAFile() throws {
    let program = try Program()
    let folder = program.folder.file(".config/llama-chat")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let bindings = "bind -v\nbind ^O ed-move-to-beg\nbind ^M ed-move-to-beg\n"
    try Data(bindings.utf8).write(to: URL(fileURLWithPath: folder + "/editrc"))
    let terminal = try program.chat()
    try terminal.send("bc\u{0F}a")
    let other = try program.chat(.quick, ["--no-config"])
    try other.send("bc\u{0F}a")
    #expect(try program.history.first == "abc" && program.history.last != "abc")
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
