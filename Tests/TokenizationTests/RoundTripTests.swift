import TestSupport
import Testing
import Tokenization

/// Every id and every code point, there and back.
struct RoundTripTests {
  /// All code points that are not surrogates, a thousand to a text.
  static let scalars: [String] = {
    let scalars = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init)
    return stride(from: 0, to: scalars.count, by: 1000).map { start in
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[start..<min(start + 1000, scalars.count)])
      return String(text)
    }
  }()

  /// Encodes and decodes these texts; returns the code points that did not come back.
  static func lostScalars(
    _ tokenizer: any Tokenizer, stripsLeadingSpace: Bool, texts: some Sequence<String> = scalars
  ) -> [Unicode.Scalar] {
    texts.flatMap { text -> [Unicode.Scalar] in
      let decoded = tokenizer.decode(
        tokenizer.encode(text), stripsLeadingSpace: stripsLeadingSpace)
      guard Array(decoded.utf8) != Array(text.utf8) else { return [] }
      let kept = Set(decoded.unicodeScalars)
      return text.unicodeScalars.filter { !kept.contains($0) }
    }
  }

  /// All 1,112,064 take a while without optimisation: the tiny vocabularies get the first 100,000.
  @Test func tinyVocabulariesKeepCodePoints() throws {
    let texts = Self.scalars.prefix(100)
    // U+2581 is how a space is written, so it comes back as one.
    let sentencePiece = try TinyVocabulary.sentencePiece().makeTokenizer()
    let lost = Self.lostScalars(sentencePiece, stripsLeadingSpace: true, texts: texts)
    #expect(lost == ["\u{2581}"])
    let byteLevel = try TinyVocabulary.chatML().makeTokenizer()
    #expect(Self.lostScalars(byteLevel, stripsLeadingSpace: false, texts: texts) == [])
  }

  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"))
  func llama2KeepsEveryCodePoint() throws {
    let tokenizer = try Llama2VocabularyTests.vocabulary("llama2/tokenizer.bin").makeTokenizer()
    #expect(Self.lostScalars(tokenizer, stripsLeadingSpace: true) == ["\u{2581}"])
  }

  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"))
  func bothLlama2FilesHaveTheSamePieces() throws {
    let bin = try Llama2VocabularyTests.vocabulary("llama2/tokenizer.bin")
    let model = try Llama2VocabularyTests.vocabulary("llama2/tokenizer.model")
    #expect(bin.count == 32000)
    #expect(bin.pieces == model.pieces)
    #expect(bin.kinds == model.kinds)
    #expect(bin.scores == model.scores)
    #expect([bin.bos, bin.eos, bin.unknown] == [model.bos, model.eos, model.unknown])
  }

  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"))
  func everyLlama2IDComesBack() throws {
    let vocabulary = try Llama2VocabularyTests.vocabulary("llama2/tokenizer.bin")
    // Without the dummy prefix a piece's text alone is encoded.
    var bare = vocabulary
    bare.addsSpacePrefix = false
    let tokenizer = try bare.makeTokenizer()
    var others: [TokenID] = []
    for id in TokenID(0)..<TokenID(vocabulary.count) where vocabulary.kinds[Int(id)] == .normal {
      let bytes = tokenizer.bytes(of: id)
      let ids = tokenizer.encode(bytes)
      if ids != [id] { others.append(id) }
      #expect(ids.flatMap { tokenizer.bytes(of: $0) } == bytes)
    }
    #expect(others == [])
    for byte in UInt8.min...UInt8.max {
      #expect(tokenizer.bytes(of: TokenID(byte) + 3) == [byte])
    }
    #expect([0, 1, 2].map { tokenizer.bytes(of: $0) } == [Array(" \u{2047} ".utf8), [], []])
  }
}
