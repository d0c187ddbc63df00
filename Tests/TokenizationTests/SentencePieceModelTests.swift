import ModelFile
import TestSupport
import Testing

@testable import Tokenization

/// `tokenizer.model`, built field by field, and its damages.
struct SentencePieceModelTests {
  private typealias Builder = SentencePieceBuilder

  static func read(_ model: [UInt8]) throws -> Vocabulary {
    try model.withUnsafeBytes { bytes in
      try TokenizerError.at("t.model") { try Vocabulary(tokenizerFile: bytes) }
    }
  }

  @Test(arguments: SentencePieceBuilder.damaged)
  func damaged(damage: TokenizerDamage) throws {
    let error = #expect(throws: TokenizerError.self) {
      let vocabulary = try Self.read(damage.bytes)
      try TokenizerError.at("t.model") { _ = try vocabulary.makeTokenizer() }
    }
    #expect(error?.place == "t.model")
    #expect(error?.reason.contains(damage.expected) == true, "\(error?.reason ?? "")")
  }

  @Test func everyTruncationThrowsOrLoads() {
    let model = Builder.special + Builder.piece("a", score: -1) + Builder.bpe + Builder.identity
    for count in model.indices {
      // Without the normalizer, its default (extra white space is removed) is refused.
      #expect(throws: TokenizerError.self) { try Self.read(Array(model.prefix(count))) }
    }
    #expect(throws: Never.self) { try Self.read(model) }
  }

  @Test func everyBitFlipThrowsOrLoads() {
    var model = Builder.special + Builder.piece("a", score: -1) + Builder.bpe + Builder.identity
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
    try read(
      Builder.special + pieces.flatMap { $0 } + Builder.bpe
        + Builder.identity
    ).makeTokenizer()
  }

  @Test func unusedPiecesAreTakenApart() throws {
    let tokenizer = try Self.tokenizer([
      Builder.piece("\u{2581}"), Builder.piece("a"), Builder.piece("b"), Builder.piece("c"),
      Builder.piece("ab", kind: 5, score: 3), Builder.piece("abc", score: 2),
    ])
    #expect(tokenizer.encode("ab") == [3, 4, 5])
    #expect(tokenizer.encode("abc") == [3, 8])
  }

  @Test func userDefinedPiecesAreWholeAndNeverMerge() throws {
    let tokenizer = try Self.tokenizer([
      Builder.piece("\u{2581}"), Builder.piece("a"), Builder.piece("b"),
      Builder.piece("ab", score: 1),
      Builder.piece("<x>", kind: 4), Builder.piece("<x>a", kind: 4),
      Builder.piece("b<x>", score: 9),
    ])
    #expect(tokenizer.encode("b<x>b") == [3, 5, 7, 5])
    #expect(tokenizer.encode("<x>ab") == [3, 8, 5])
  }

  @Test func controlPiecesNeverComeFromText() throws {
    let tokenizer = try Self.tokenizer([
      Builder.piece("\u{2581}"), Builder.piece("x", kind: 3), Builder.piece("y"),
      Builder.piece("xy", kind: 3),
    ])
    #expect(tokenizer.encode("xy") == [3, 0, 5])
    #expect(tokenizer.controlToken(named: "xy") == 6)
  }

  @Test func equalScoresMergeFromTheLeft() throws {
    let tokenizer = try Self.tokenizer([
      Builder.piece("\u{2581}"), Builder.piece("a"), Builder.piece("aa", score: -0.0),
      Builder.piece("aaa", score: 0),
    ])
    #expect(tokenizer.encode("aaaa") == [3, 6, 4])
    #expect(tokenizer.encode("aaa") == [3, 6])
  }
}
