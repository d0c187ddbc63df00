import ModelFile
import Testing

@testable import Tokenization

/// `tokenizer.model`, built field by field, and its damages.
struct SentencePieceModelTests {
  static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  static func piece(_ text: String, kind: UInt8 = 1, score: Float = 0) -> [UInt8] {
    var body = field(1, Array(text.utf8)) + [2 << 3 | 5]
    body.append(float: score)
    return field(1, body + [3 << 3, kind])
  }

  static let special =
    piece("<unk>", kind: 2) + piece("<s>", kind: 3) + piece("</s>", kind: 3)
  /// The trainer's and the normalizer's fields: BPE; identity, where spaces are kept.
  static let bpe = field(2, [3 << 3, 2])
  static let identity = field(3, field(1, Array("identity".utf8)) + [4 << 3, 0])

  static func read(_ model: [UInt8]) throws -> Vocabulary {
    try model.withUnsafeBytes { bytes in
      try TokenizerError.at("t.model") { try Vocabulary(tokenizerFile: bytes) }
    }
  }

  @Test(
    arguments: [
      ("unigram", special + identity, "of type unigram; only BPE"),
      ("word", special + field(2, [3 << 3, 3]) + identity, "of type word"),
      (
        "nmt_nfkc",
        special + bpe
          + field(3, field(1, Array("nmt_nfkc".utf8)) + field(2, [1, 2]) + [4 << 3, 0]),
        "has the normalizer nmt_nfkc; only identity"
      ),
      ("whitespace removed", special + bpe, "has remove_extra_whitespaces"),
      ("no unknown", piece("<s>", kind: 3) + bpe + identity, "has 0 unknown pieces"),
      ("two unknown", special + piece("?", kind: 2) + bpe + identity, "has 2 unknown pieces"),
      ("no eos", piece("<unk>", kind: 2) + piece("<s>", kind: 3) + bpe + identity, "\"</s>\""),
      (
        "byte without fallback", special + piece("<0x00>", kind: 6) + bpe + identity,
        "has 1 byte pieces; must be 0"
      ),
      ("empty piece", special + piece("") + bpe + identity, "piece 3 is empty"),
      ("kind 9", special + piece("a", kind: 9) + bpe + identity, "piece 3 is of kind 9"),
      ("NaN", special + piece("a", score: .nan) + bpe + identity, "piece 3 has the score nan"),
      ("piece past the end", special + [10, 100], "model, field 1 at byte"),
      (
        "inner length past the end", special + field(1, [10, 100, 97]),
        "piece 3, field 1 at byte"
      ),
      (
        "length of 2^63", special + [10] + [UInt8](repeating: 0xFF, count: 9) + [1],
        "18446744073709551615 bytes"
      ),
      ("11-byte varint", special + [8] + [UInt8](repeating: 0x80, count: 10), "longer than 64"),
      ("group", special + [4 << 3 | 3], "wire type 3"),
      ("field 0", special + [0, 0], "0 is not a field number"),
      ("wrong type", special + [1 << 3, 0], "field 1 is not a message"),
    ] as [(String, [UInt8], String)])
  func damaged(name: String, model: [UInt8], reason: String) throws {
    let error = #expect(throws: TokenizerError.self) {
      let vocabulary = try Self.read(model)
      try TokenizerError.at("t.model") { _ = try vocabulary.makeTokenizer() }
    }
    #expect(error?.place == "t.model")
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
  }

  @Test func everyTruncationThrowsOrLoads() {
    let model = Self.special + Self.piece("a", score: -1) + Self.bpe + Self.identity
    for count in model.indices {
      // Without the normalizer, its default (extra white space is removed) is refused.
      #expect(throws: TokenizerError.self) { try Self.read(Array(model.prefix(count))) }
    }
    #expect(throws: Never.self) { try Self.read(model) }
  }

  @Test func everyBitFlipThrowsOrLoads() {
    var model = Self.special + Self.piece("a", score: -1) + Self.bpe + Self.identity
    var refused = 0
    for index in model.indices {
      for bit in 0..<8 {
        model[index] ^= 1 << bit
        do {
          _ = try Self.read(model).makeTokenizer().encode("a b")
        } catch {
          refused += 1
        }
        model[index] ^= 1 << bit
      }
    }
    #expect(refused > model.count)
  }

  // MARK: - What only such models can ask for

  static func tokenizer(_ pieces: [[UInt8]]) throws -> any Tokenizer {
    try read(special + pieces.flatMap { $0 } + bpe + identity).makeTokenizer()
  }

  @Test func unusedPiecesAreTakenApart() throws {
    let tokenizer = try Self.tokenizer([
      Self.piece("\u{2581}"), Self.piece("a"), Self.piece("b"), Self.piece("c"),
      Self.piece("ab", kind: 5, score: 3), Self.piece("abc", score: 2),
    ])
    #expect(tokenizer.encode("ab") == [3, 4, 5])
    #expect(tokenizer.encode("abc") == [3, 8])
  }

  @Test func userDefinedPiecesAreWholeAndNeverMerge() throws {
    let tokenizer = try Self.tokenizer([
      Self.piece("\u{2581}"), Self.piece("a"), Self.piece("b"), Self.piece("ab", score: 1),
      Self.piece("<x>", kind: 4), Self.piece("<x>a", kind: 4), Self.piece("b<x>", score: 9),
    ])
    #expect(tokenizer.encode("b<x>b") == [3, 5, 7, 5])
    #expect(tokenizer.encode("<x>ab") == [3, 8, 5])
  }

  @Test func controlPiecesNeverComeFromText() throws {
    let tokenizer = try Self.tokenizer([
      Self.piece("\u{2581}"), Self.piece("x", kind: 3), Self.piece("y"), Self.piece("xy", kind: 3),
    ])
    #expect(tokenizer.encode("xy") == [3, 0, 5])
    #expect(tokenizer.controlToken(named: "xy") == 6)
  }

  @Test func equalScoresMergeFromTheLeft() throws {
    let tokenizer = try Self.tokenizer([
      Self.piece("\u{2581}"), Self.piece("a"), Self.piece("aa", score: -0.0),
      Self.piece("aaa", score: 0),
    ])
    #expect(tokenizer.encode("aaaa") == [3, 6, 4])
    #expect(tokenizer.encode("aaa") == [3, 6])
  }
}
