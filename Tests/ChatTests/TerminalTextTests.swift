import Testing

@testable import Chat

@Suite struct TerminalTextTests {
  @Test(arguments: [
    ("plain\ttext\n", "plain\ttext\n"), ("é 漢字 👩‍💻 \u{200F}", "é 漢字 👩‍💻 \u{200F}"),
    ("\u{1B}[31mred", "␛[31mred"), ("\u{1B}]52;c;eA==\u{07}", "␛]52;c;eA==␇"),
    ("a\r\nb\r", "a␍\nb␍"), ("\u{0}\u{7F}", "␀␡"), ("\u{9B}31m", "\\u{9b}31m"),
    ("\u{202E}abc\u{2066}", "\\u{202e}abc\\u{2066}"), ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
  ])
  func makesControlsVisible(text: String, shown: String) {
    #expect(TerminalText.visible(text) == shown)
  }

  @Test func leavesNothingATerminalObeys() {
    var all = String.UnicodeScalarView()
    for value in UInt32(0)...0x2100 {
      if let scalar = Unicode.Scalar(value) { all.append(scalar) }
    }
    let shown = TerminalText.visible(String(all)).unicodeScalars
    #expect(!shown.contains { ($0.value < 0x20 && $0 != "\n" && $0 != "\t") })
    #expect(!shown.contains { (0x7F...0x9F).contains($0.value) })
    #expect(!shown.contains { (0x202A...0x202E).contains($0.value) })
  }

  @Test func worksInAnyPieces() {
    let text = "a\u{1B}[2J\r\n漢\u{202E}é\u{9B}"
    let pieces = text.unicodeScalars.map { TerminalText.visible(String(Character($0))) }
    #expect(pieces.joined() == TerminalText.visible(text))
  }

  @Test(arguments: [
    (Array("▁Hi".utf8), "\"▁Hi\""), ([0x0A, 0x09, 0x0D], "\"\\n\\t\\r\""),
    ([0xE2, 0x96], "\"\\xe2\\x96\""),
    ([0x22, 0x5C], "\"\\\"\\\\\""), ([0x1B, 0xFF, 0x41], "\"␛\\xffA\""), ([], "\"\""),
  ])
  func quotesBytes(bytes: [UInt8], quoted: String) {
    #expect(TerminalText.quoted(bytes) == quoted)
  }
}

@Suite struct NumbersTests {
  @Test(arguments: [
    (0.004, "4 ms"), (0.0996, "0.10 s"), (0.34, "0.34 s"), (1.44, "1.4 s"), (9.96, "10 s"),
    (119.4, "119 s"),
    (200.0, "3 min 20 s"), (Double.infinity, "–"),
  ])
  func showsSeconds(value: Double, text: String) {
    #expect(seconds(value) == text)
  }

  @Test(arguments: [(9.25, "9.3"), (9.96, "10"), (66.4, "66"), (1234.5, "1,235"), (0.04, "0.0")])
  func rounds(value: Double, text: String) {
    #expect(rounded(value) == text)
  }
}
