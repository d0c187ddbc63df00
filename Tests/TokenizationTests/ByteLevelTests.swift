import ModelFile
import TestSupport
import Testing
import Tokenization

struct ByteLevelTests {
  @Test func mergesGoByRankThenFromTheLeft() throws {
    // a b c, then ab, bc (earlier), abc.
    let vocabulary = Vocabulary(
      kind: .byteLevel,
      pieces: ["<|x|>", "a", "b", "c", "bc", "ab", "abc", "aa"].map { Array($0.utf8) },
      kinds: [.control] + Array(repeating: .normal, count: 7),
      merges: [(2, 3), (1, 2), (1, 4), (1, 1)], bos: 0, eos: 0, unknown: nil,
      addsSpacePrefix: false)
    let tokenizer = try vocabulary.makeTokenizer()
    #expect(tokenizer.encode("ab") == [5])
    #expect(tokenizer.encode("abc") == [6])
    #expect(tokenizer.encode("bcab") == [4, 5])
    #expect(tokenizer.encode("aaa") == [7, 1])
    // Bytes without a token are left out, and neighbours meet.
    #expect(tokenizer.encode("azb é") == [5])
    #expect(tokenizer.encode("<|x|>") == [])
  }

  @Test func controlTokensNeverComeFromText() throws {
    let tokenizer = try TinyVocabulary.chatML().makeTokenizer()
    for name in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] {
      let ids = tokenizer.encode(name)
      #expect(!ids.contains { $0 < 17 })
      #expect(tokenizer.decode(ids, stripsLeadingSpace: false) == name)
      let control = try #require(tokenizer.controlToken(named: name))
      #expect(control < 3)
      #expect(tokenizer.bytes(of: control) == [])
    }
  }

  @Test func invalidBytesBecomeReplacementCharacters() throws {
    let tokenizer = try TinyVocabulary.chatML().makeTokenizer()
    let bytes: [UInt8] = [0x61, 0xFF, 0xF0, 0x9F, 0x62]
    #expect(tokenizer.encode(bytes) == tokenizer.encode("a\u{FFFD}\u{FFFD}\u{FFFD}b"))
  }

  @Test func mergeOfNoPieceIsNamed() {
    let vocabulary = Vocabulary(
      kind: .byteLevel, pieces: [[0x61], [0x62]], kinds: [.normal, .normal], merges: [(0, 1)],
      bos: 0, eos: 0, unknown: nil, addsSpacePrefix: false)
    let error = #expect(throws: TokenizerError.self) { try vocabulary.makeTokenizer() }
    #expect(error?.reason == "merge 0 makes \"ab\", which is not a piece")
  }
}

/// SmolLM2's vocabulary, which is only inside the converted demo model.
@Suite(
  .enabled(if: DemoModel.path != nil, "needs the demo model: make chat, or $LLAMA_CHAT_DEMO_MODEL"))
struct SmolLM2Tests {
  static func load() throws -> any Tokenizer {
    let checkpoint = try Checkpoint(path: try #require(DemoModel.path))
    return try Vocabulary.resolve(for: checkpoint, override: nil).makeTokenizer()
  }

  @Test(
    arguments: [
      ("a  1 12", [81, 256, 33, 216, 33, 34]),
      ("x\u{4}y \u{13}z", [104, 105, 216, 106]),
      ("I'm  x   y ", [57, 5248, 216, 1792, 256, 329, 216]),
      ("tab\t\n\n z", [15999, 197, 1116, 1892]),
      ("é 한국 🦙", [2756, 216, 33085, 246, 181, 130, 251, 15107, 116, 243]),
      ("it'S 3.14e-5", [269, 23, 67, 216, 35, 30, 33, 36, 85, 29, 37]),
      ("a  1 12 ½ x²", [81, 256, 33, 216, 33, 34, 216, 16738, 1792, 19133]),
      ("A<|im_end|>B", [49, 44, 108, 306, 79, 486, 108, 46, 50]),
    ] as [(String, [TokenID])])
  func goldens(text: String, ids: [TokenID]) throws {
    #expect(try Self.load().encode(text) == ids)
  }

  @Test func chatMLPrompt() throws {
    let tokenizer = try Self.load()
    let start = try #require(tokenizer.controlToken(named: "<|im_start|>"))
    let end = try #require(tokenizer.controlToken(named: "<|im_end|>"))
    let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    let ids: [TokenID] =
      [start] + tokenizer.encode("system\n" + system) + [end] + tokenizer.encode("\n")
      + [start] + tokenizer.encode("user\nHello") + [end] + tokenizer.encode("\n")
      + [start] + tokenizer.encode("assistant\n")
    #expect(
      ids == [
        1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411,
        407, 19712, 8182, 2, 198, 1, 4093, 198, 19556, 2, 198, 1, 520, 9531, 198,
      ])
  }

  @Test func everyCodePointWhoseBytesHaveTokensComesBack() throws {
    let lost = RoundTripTests.lostScalars(try Self.load(), stripsLeadingSpace: false)
    // No tokens for six controls, nor for the lead bytes F1 and F2 of planes 4 to 11.
    let controls = [0x04, 0x06, 0x13, 0x14, 0x16, 0x1D].compactMap { Unicode.Scalar($0 as UInt32) }
    #expect(lost.filter { $0.value < 0x80 } == controls)
    #expect(lost.filter { $0.value >= 0x80 }.allSatisfy { 0x40000..<0xC0000 ~= $0.value })
  }
}
