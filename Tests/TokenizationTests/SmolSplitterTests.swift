import Testing

@testable import Tokenization

struct SmolSplitterTests {
  /// The fragments of a text, as ranges of bytes.
  private static func fragments(of text: [UInt8]) -> [Range<Int>] {
    text.withUnsafeBufferPointer { text in
      var splitter = SmolSplitter(text)
      var fragments: [Range<Int>] = []
      while let fragment = splitter.next() { fragments.append(fragment) }
      return fragments
    }
  }

  @Test(arguments: [
    ("", []),
    ("Hello world", ["Hello", " world"]),
    // Of several spaces the last goes with the word.
    ("a   b", ["a", "  ", " b"]),
    ("a \n b", ["a", " \n", " b"]),
    ("a\n\nb", ["a", "\n", "\n", "b"]),
    ("\tb", ["\t", "b"]),
    ("end  ", ["end", "  "]),
    // Only U+0020 goes with a word.
    ("a\u{A0}b", ["a", "\u{A0}", "b"]),
    ("a \u{3000}\u{2028}b", ["a", " \u{3000}", "\u{2028}", "b"]),
    // Each number stands alone, and no space goes with it.
    ("12 34", ["1", "2", " ", "3", "4"]),
    ("a  1 ½x²", ["a", "  ", "1", " ", "½", "x", "²"]),
    ("3.14", ["3", ".", "1", "4"]),
    ("Ⅷ٣", ["Ⅷ", "٣"]),
    // Contractions, in lower case only.
    ("I'm you're it's", ["I", "'m", " you", "'re", " it", "'s"]),
    ("we've they'll I'd don't", ["we", "'ve", " they", "'ll", " I", "'d", " don", "'t"]),
    ("IT'S", ["IT", "'", "S"]),
    ("'", ["'"]), ("'r", ["'", "r"]), ("'s5", ["'s", "5"]), (" 's", [" '", "s"]),
    ("!'s", ["!'", "s"]),
    // Signs keep together; marks are signs.
    ("a, (b)!?", ["a", ",", " (", "b", ")!?"]),
    ("e\u{301}x", ["e", "\u{301}", "x"]),
    ("한국 🦙", ["한국", " 🦙"]),
    ("日本語ｶﾅ", ["日本語ｶﾅ"]),
  ])
  func fragments(text: String, expected: [String]) {
    let bytes = Array(text.utf8)
    let fragments = Self.fragments(of: bytes)
    #expect(fragments.map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
  }

  @Test func fragmentsCoverAnyBytes() {
    // Not even UTF-8.
    let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ $0 >> 3) }
    let fragments = Self.fragments(of: bytes)
    #expect(fragments.flatMap { bytes[$0] } == bytes)
    #expect(!fragments.contains { $0.isEmpty })
  }

  @Test func classesOfUnicode16() {
    let counts = (UInt32(0)...0x10FFFF).reduce(into: [UnicodeClass: Int]()) {
      $0[UnicodeClass($1), default: 0] += 1
    }
    #expect(counts[.letter] == 141_028)
    #expect(counts[.number] == 1911)
    #expect(counts[.whitespace] == 25)
  }

  @Test(
    arguments: [
      (0x41, .letter), (0xAA, .letter), (0xB2, .number), (0xBC, .number), (0xD7, .other),
      (0x85, .whitespace), (0x180E, .other), (0x200B, .other), (0x2003, .whitespace),
      (0x2160, .number), (0x300, .other), (0x3400, .letter), (0x9FFF, .letter), (0xE000, .other),
      (0x323AF, .letter), (0x323B0, .other), (0x10FFFF, .other),
    ] as [(UInt32, UnicodeClass)])
  func classOf(scalar: UInt32, expected: UnicodeClass) {
    #expect(UnicodeClass(scalar) == expected)
  }
}
