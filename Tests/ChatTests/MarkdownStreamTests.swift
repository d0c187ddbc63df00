import Inference
import TestSupport
import Testing

@testable import Chat

@Suite struct MarkdownStreamTests {
  /// What a text is found to be when it comes in these pieces; neighbours of one style put together.
  private func styled(_ pieces: [String]) -> [StyledText] {
    var stream = MarkdownStream()
    var runs: [StyledText] = []
    for run in pieces.flatMap({ stream.append($0) }) + stream.finish() {
      if let last = runs.indices.last, runs[last].style == run.style {
        runs[last].text.unicodeScalars.append(contentsOf: run.text.unicodeScalars)
      } else {
        runs.append(run)
      }
    }
    return runs
  }

  /// Each style in brackets of its own: `*a*` is `<*a*>`, strong `{}`, both `<{}>`, code `[]`, a block `[[]]`,
  /// a fence `(())`, a heading `##`, a marker `!!`.
  private func shown(_ text: String) -> String {
    styled([text]).map { run in
      switch run.style {
      case []: run.text
      case .emphasis: "<\(run.text)>"
      case .strong: "{\(run.text)}"
      case [.emphasis, .strong]: "<{\(run.text)}>"
      case .code: "[\(run.text)]"
      case .codeBlock: "[[\(run.text)]]"
      case .fence: "((\(run.text)))"
      case .heading: "##\(run.text)##"
      case .marker: "!\(run.text)!"
      default: "?\(run.text)?"
      }
    }.joined()
  }

  @Test(arguments: [
    ("", ""), ("plain text\n", "plain text\n"), ("a *b* c", "a <*b*> c"), ("**b**", "{**b**}"),
    ("***b*** c", "<{***b***}> c"), ("a **b *c* d** e", "a {**b }<{*c*}>{ d**} e"),
    ("_a_ and __b__", "<_a_> and {__b__}"), ("snake_case_name", "snake_case_name"),
    ("5*3*2 = 30", "5*3*2 = 30"), ("2 * 3 * 4", "2 * 3 * 4"), ("a** b", "a** b"),
    ("**Note:** it", "{**Note:**} it"), ("(*a*)", "(<*a*>)"), ("\"*a*\"", "\"<*a*>\""),
    ("*a\nb*", "<*a>\nb*"), ("****a****", "****a****"), ("**a", "{**a}"), ("*", "*"), ("**", "**"),
    ("\\*a\\* \\`b\\`", "\\*a\\* \\`b\\`"), ("\\\\*a*", "\\\\<*a*>"),
  ])
  func findsEmphasis(text: String, expected: String) {
    #expect(shown(text) == expected)
  }

  @Test(arguments: [
    ("a `b` c", "a [`b`] c"), ("`*a*` *b*", "[`*a*`] <*b*>"), ("``a`b`` c", "[``a`b``] c"),
    ("`a\nb` c", "[`a]\nb[` c]"), ("a `\nb", "a `\nb"), ("**`a`** b", "{**}[`a`]{**} b"),
    ("```a``` b", "((```a))[```] b"),
  ])
  func findsCodeInLines(text: String, expected: String) {
    #expect(shown(text) == expected)
  }

  @Test(arguments: [
    ("```\na *b*\n```\n*c*", "((```))\n[[a *b*\n]]((```))\n<*c*>"),
    ("```swift\nlet a = 1\n\n  `x`\n```", "((```swift))\n[[let a = 1\n\n  `x`\n]]((```))"),
    ("~~~\n```\n~~~\n", "((~~~))\n[[```\n]]((~~~))\n"),
    ("````\n```\n````  \nx", "((````))\n[[```\n]]((````  ))\nx"),
    ("```\n``` x\n```", "((```))\n[[``` x\n]]((```))"),
    ("1. a\n   ```\n   b\n   ```\n", "!1.! a\n   ((```))\n[[   b\n   ]]((```))\n"),
    ("```\nopen", "((```))\n[[open]]"), ("```\n```\nx", "((```))\n((```))\nx"),
    ("```\r\na\r\n```\r\nb", "((```\r))\n[[a\r\n]]((```\r))\nb"), ("a ``` b", "a [``` b]"),
  ])
  func findsBlocksOfCode(text: String, expected: String) {
    #expect(
      Array(shown(text).unicodeScalars) == Array(expected.unicodeScalars), "\(shown(text))")
  }

  @Test(arguments: [
    ("# A *b* `c`\nd", "### A *b* `c`##\nd"), ("#hash", "#hash"), ("####### a", "####### a"),
    ("a # b", "a # b"), ("##", "######"), ("- a\n- b", "!-! a\n!-! b"), ("-a", "-a"),
    ("* a *b*", "!*! a <*b*>"), ("  + a", "  !+! a"), ("12. a", "!12.! a"), ("3) a", "!3)! a"),
    ("12.5 a", "12.5 a"), ("1234567890. a", "1234567890. a"), ("2024", "2024"),
    ("- - a", "!-! !-! a"),
    ("---\n***\n", "---\n***\n"), ("> # a", "!>! ### a##"), ("> *a*", "!>! <*a*>"),
    ("a - b", "a - b"),
    ("- **a**: b", "!-! {**a**}: b"),
  ])
  func findsHeadingsAndMarkers(text: String, expected: String) {
    #expect(shown(text) == expected)
  }

  /// Texts with every kind of marker next to every other.
  private static let texts: [String] = {
    let atoms = [
      "*", "**", "_", "`", "```", "~~~", "#", "- ", "1. ", "12", ".", ")", "> ", " ", "\n", "\\",
      "a", "é",
      "e\u{301}", "👩‍💻", "\u{1B}[1m", "x y", "\r\n", "\t",
    ]
    var generator = SeededGenerator(seed: 3)
    return (0..<300).map { _ in
      (0..<40).map { _ in atoms[Int(generator.next() % UInt64(atoms.count))] }.joined()
    }
  }()

  @Test func anySplitGivesTheSame() {
    var generator = SeededGenerator(seed: 5)
    for text in Self.texts {
      let whole = styled([text])
      let scalars = Array(text.unicodeScalars)
      #expect(styled(scalars.map { String(Character($0)) }) == whole, "\(text)")
      var pieces: [String] = []
      var rest = scalars[...]
      while !rest.isEmpty {
        var piece = String.UnicodeScalarView()
        piece.append(contentsOf: rest.prefix(Int(generator.next() % 7)))
        rest = rest.dropFirst(piece.count)
        pieces.append(String(piece))
      }
      #expect(styled(pieces) == whole, "\(text)")
    }
  }

  @Test func nothingIsAddedOrLost() {
    for text in Self.texts {
      let together = styled([text]).flatMap { Array($0.text.utf8) }
      #expect(together == Array(text.utf8), "\(text)")
    }
  }

  /// What is held back could still become a marker.
  @Test func holdsOnlyMarkersBack() {
    for text in Self.texts {
      var stream = MarkdownStream()
      var behind: [UInt8] = []
      for scalar in text.unicodeScalars {
        behind += Array(String(Character(scalar)).utf8)
        let shown = stream.append(String(Character(scalar))).reduce(0) { $0 + $1.text.utf8.count }
        behind.removeFirst(shown)
        #expect(behind.allSatisfy { "*_`~#-+0123456789.) \t\r".utf8.contains($0) }, "\(text)")
      }
    }
  }

  @Test func goesOnInTheMiddle() {
    var stream = MarkdownStream(after: "```c\nint x")
    #expect(stream.append(" = 1;") == [StyledText(" = 1;", .codeBlock)])
    stream = MarkdownStream(after: "**")
    #expect(stream.append("a") + stream.finish() == [StyledText("a")])
  }

  /// The blocks that are coloured are the blocks that are copied.
  @Test func blocksToCopyAreThoseShown() {
    for text in Self.texts {
      let runs = styled([text])
      let lines = CodeBlocks.found(in: text).joined(separator: "\n").unicodeScalars
        .filter { $0 != "\n" && $0 != " " }
      let shown = runs.filter { $0.style == .codeBlock }.flatMap { $0.text.unicodeScalars }
        .filter { $0 != "\n" && $0 != " " }
      #expect(lines.map(\.value) == shown.map(\.value), "\(text)")
    }
  }
}

@Suite struct StyledReplyTests {
  /// An output with colours, as a terminal is.
  private final class StyledOutput: ReplOutput {
    var pieces: [StyledText] = []
    var plain = ""
    var stylesReplies: Bool { true }
    func reply(_ text: String) { plain += text }
    func reply(_ piece: StyledText) { pieces.append(piece) }
    func endReply() {}
    func notice(_ text: String) {}
    func statistics(_ text: String) {}
    func problem(_ text: String) {}
    func progress(_ text: String?) {}
  }

  @Test func heldTextComesAtTheEnd() {
    let output = StyledOutput()
    let display = ReplyDisplay(
      output: output, readingSpeed: nil, styles: MarkdownStream(), now: { .now })
    for text in ["a *", "b", "*"] { display.show(.text(text)) }
    #expect(output.pieces == [StyledText("a "), StyledText("*b", .emphasis)])
    display.finish()
    #expect(output.pieces.last == StyledText("*", .emphasis))
    #expect(output.plain.isEmpty)
  }

  @Test func aSettingTurnsItOff() throws {
    let output = StyledOutput()
    let chat = try TinyChat()
    let repl = Repl(
      conversation: chat.conversation, prompts: PromptLibrary(folders: []), output: output,
      interrupt: .init())
    try repl.run(TypedLines(["Hello", ":set markdown off", "Hello"]))
    let answers = chat.conversation.turns.map(\.answer)
    #expect(output.pieces.map(\.text).joined() == answers[0])
    #expect(output.plain == answers[1])
  }
}
