import Testing

@testable import llama_chat

@Suite struct KeyDecoderTests {
  private static let cases: [(bytes: String, keys: [Key])] = [
    ("aé漢😀", ["a", "é", "漢", "😀"].map { .character($0) }),
    (
      "\u{1B}[A\u{1B}OB\u{1B}[1;5C\u{1B}[1;3D",
      [.up, .down, .wordRight, .wordLeft].map { .named($0) }
    ),
    ("\u{1B}[H\u{1B}[4~\u{1B}[3~", [.named(.home), .named(.end), .named(.delete)]),
    (
      "\u{1B}\r\u{1B}[13;2u\u{1B}[27;2;13~", [.named(.newline), .named(.newline), .named(.newline)]
    ),
    ("\u{1B}bx", [.meta("b"), .character("x")]),
    ("\u{1B}[24~\u{1B}[?1;2c\u{1B}]0;title\u{07}\u{1B}]11;rgb\u{1B}\\x", [.character("x")]),
    ("\u{1B}[200~a\r\nb\u{1B}[201~c", [.paste("a\nb"), .character("c")]),
    ("\u{1B}[200~\u{1B}[2~\u{7F}\u{85}\t\u{1B}[201~", [.paste("[2~\t")]),
    // A paste that holds the mark of its end goes on to the last one.
    (
      "\u{1B}[200~a\u{1B}[201~\r:quit\r\u{03}b\u{1B}[201~\r",
      [.paste("a\n:quit\nb"), .character("\r")]
    ),
    // Two of them are two, with what was typed between.
    (
      "\u{1B}[200~a\u{1B}[201~x\u{1B}[A\u{1B}[200~b\u{1B}[201~",
      [.paste("a"), .character("x"), .named(.up), .paste("b")]
    ),
    ("\u{1B}[200~\u{1B}[201~\u{1B}[201~\u{1B}[201~", [.paste("")]),
    // Marks in pieces on both sides of another.
    (
      "\u{1B}[200~\u{1B}[20\u{1B}[201~0~a",
      [.paste("[20")] + ["0", "~", "a"].map { .character($0) }
    ),
    ("\u{1B}[999999999999999999999999;5A", [.named(.up)]),
  ]

  /// What is known when nothing more comes: where the last paste has ended.
  private func rest(of decoder: inout KeyDecoder) -> [Key] {
    #expect(!decoder.isMidway || decoder.isAfterPaste)
    let keys = decoder.timeOut()
    #expect(!decoder.isMidway)
    return keys
  }

  @Test func decodesKeysInPiecesOfAnySize() {
    for (bytes, keys) in Self.cases {
      var whole = KeyDecoder()
      #expect(whole.decode(bytes.utf8) + rest(of: &whole) == keys)
      var byByte = KeyDecoder()
      #expect(bytes.utf8.flatMap { byByte.decode([$0]) } + rest(of: &byByte) == keys)
    }
  }

  @Test func pastesThatComeAtOnceAreOne() {
    var decoder = KeyDecoder()
    decoder.joinsPastes = true
    let bytes = "\u{1B}[200~a\u{1B}[201~\u{04}b\r\u{1B}[200~c\u{1B}[201~d"
    #expect(decoder.decode(bytes.utf8).isEmpty)
    #expect(rest(of: &decoder) == [.paste("ab\nc"), .character("d")])
  }

  @Test func damagedTextIsMarked() {
    var decoder = KeyDecoder()
    #expect(
      decoder.decode([0xE9, 0x61, 0xFF]) == ["\u{FFFD}", "a", "\u{FFFD}"].map { .character($0) })
  }

  @Test func aLoneEscapeIsAKey() {
    var decoder = KeyDecoder()
    #expect(decoder.decode([0x1B]).isEmpty && decoder.isMidway)
    #expect(decoder.timeOut() == [.character("\u{1B}")])
    #expect(!decoder.isMidway)
  }

  @Test func aPasteWithoutAnEndEnds() {
    var decoder = KeyDecoder()
    #expect(decoder.decode("\u{1B}[200~text".utf8).isEmpty && decoder.isInPaste)
    #expect(decoder.timeOut() == [.paste("text")])
  }
}
