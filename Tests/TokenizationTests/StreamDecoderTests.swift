import TestSupport
import Testing

@testable import Tokenization

struct StreamDecoderTests {
  /// The ids of the bytes' own tokens.
  static func byteTokens(_ bytes: [UInt8]) -> [TokenID] { bytes.map { TokenID($0) + 3 } }

  static func tokenizer() throws -> any Tokenizer {
    try TinyVocabulary.sentencePiece().makeTokenizer()
  }

  @Test(arguments: [
    ([0x41], "A"),
    (Array("é한🦙".utf8), "é한🦙"),
    // Each byte that belongs to no code point is one U+FFFD.
    ([0xF0, 0x9F], "\u{FFFD}\u{FFFD}"),
    ([0xF0, 0x9F, 0x98, 0x41], "\u{FFFD}\u{FFFD}\u{FFFD}A"),
    ([0x80, 0xFF, 0xC0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xE0, 0x80, 0x41], "\u{FFFD}\u{FFFD}A"),
    ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xC3, 0xC3, 0xA9], "\u{FFFD}é"),
  ])
  func bytesBecomeText(bytes: [UInt8], text: String) throws {
    let tokens = Self.byteTokens(bytes)
    let decoded = try Self.tokenizer().decode(tokens, stripsLeadingSpace: false)
    #expect(Array(decoded.utf8) == Array(text.utf8))
  }

  @Test func codePointComesWithItsLastByte() throws {
    var decoder = StreamDecoder(tokenizer: try Self.tokenizer(), stripsLeadingSpace: false)
    let parts = Self.byteTokens(Array("🦙".utf8)).map { decoder.append($0) }
    #expect(parts == ["", "", "", "🦙"])
    #expect(decoder.finish() == "")
  }

  @Test func impossibleBytesAreNotHeld() throws {
    var decoder = StreamDecoder(tokenizer: try Self.tokenizer(), stripsLeadingSpace: false)
    #expect(decoder.append(3 + 0xE0) == "")
    #expect(decoder.append(3 + 0x80) == "\u{FFFD}\u{FFFD}")
    #expect(decoder.finish() == "")
  }

  @Test func oneLeadingSpaceIsStripped() throws {
    let tokenizer = try Self.tokenizer()
    let tokens: [TokenID] = [1] + tokenizer.encode("  a b")
    #expect(tokenizer.decode(tokens, stripsLeadingSpace: true) == "  a b")
    #expect(tokenizer.decode(tokens, stripsLeadingSpace: false) == "   a b")
  }

  @Test func controlAndForeignTokensPrintNothing() throws {
    let tokenizer = try Self.tokenizer()
    #expect(tokenizer.decode([1, 2, -1, 512, .max, .min], stripsLeadingSpace: false) == "")
    #expect(tokenizer.decode([0], stripsLeadingSpace: false) == " \u{2047} ")
  }

  @Test func anySplitGivesTheSameText() throws {
    var random = SeededGenerator(seed: 5)
    let tokenizer = try Self.tokenizer()
    for _ in 0..<200 {
      let tokens = (0..<20).map { _ in TokenID.random(in: 0..<512, using: &random) }
      let bytes = tokens.flatMap { tokenizer.bytes(of: $0) }
      let whole = UTF8Scanner.repaired(bytes)
      let streamed = tokenizer.decode(tokens, stripsLeadingSpace: false)
      #expect(Array(streamed.utf8) == whole)
    }
  }
}
