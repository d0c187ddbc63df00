import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Tokenization

struct VocabularyResolutionTests {
  static func resolve(
    _ model: String, vocabSize: Int = 512, section: [UInt8]? = nil,
    metadata: ModelMetadata? = nil, override: String? = nil
  ) throws -> Vocabulary {
    guard let section else {
      return try Vocabulary.resolve(
        modelPath: model, vocabSize: vocabSize, section: nil, metadata: metadata,
        override: override)
    }
    return try section.withUnsafeBytes { section in
      try Vocabulary.resolve(
        modelPath: model, vocabSize: vocabSize, section: section, metadata: metadata,
        override: override)
    }
  }

  /// A tokenizer.bin of the three special pieces and `count` more.
  static func tokenizerBin(_ count: Int) -> [UInt8] {
    TokenizerBinBuilder.file(
      TokenizerBinBuilder.special + (0..<count).map { (0, Int32("\($0)".count), "\($0)") })
  }

  @Test(arguments: [
    (
      "dir/m.bin",
      [
        "dir/m.bin.tokenizer.bin", "dir/m.tokenizer.bin", "dir/tokenizer.bin",
        "dir/tokenizer.model", "tokenizer.bin", "tokenizer.model",
      ]
    ),
    (
      "m", ["m.tokenizer.bin", "tokenizer.bin", "tokenizer.model"]
    ),
    (
      "/.hidden",
      [
        "/.hidden.tokenizer.bin", "/tokenizer.bin", "/tokenizer.model", "tokenizer.bin",
        "tokenizer.model",
      ]
    ),
  ])
  func placesInOrder(model: String, places: [String]) {
    #expect(Vocabulary.tokenizerPaths(forModel: model) == places)
  }

  @Test func nearestNameWins() throws {
    let folder = try TemporaryDirectory()
    let model = folder.file("m.bin")
    let names = ["tokenizer.bin", "m.tokenizer.bin", "m.bin.tokenizer.bin"]
    for (index, name) in names.enumerated() {
      try folder.write(name, Self.tokenizerBin(index + 1))
      #expect(try Self.resolve(model).count == 3 + index + 1)
    }
    let own = try TinyVocabulary.chatML().section()
    #expect(try Self.resolve(model, section: own).kind == .byteLevel)
    let other = try folder.write("other.bin", Self.tokenizerBin(9))
    #expect(try Self.resolve(model, section: own, override: other).count == 12)
  }

  @Test func largerThanTheModelIsRefusedByName() throws {
    let folder = try TemporaryDirectory()
    let found = try folder.write("tokenizer.bin", Self.tokenizerBin(20))
    let error = #expect(throws: TokenizerError.self) {
      try Self.resolve(folder.file("m.bin"), vocabSize: 22)
    }
    #expect(error?.place == found)
    #expect(error?.reason.hasPrefix("tokenizer has 23 tokens, model 22") == true)
    #expect(try Self.resolve(folder.file("m.bin"), vocabSize: 64).count == 23)
  }

  @Test func missingOnesAreListed() throws {
    let folder = try TemporaryDirectory()
    let model = folder.file("m.bin")
    // The working directory of the tests is the package's, which has no tokenizer.
    let error = #expect(throws: TokenizerError.self) { try Self.resolve(model) }
    #expect(error?.place == model)
    #expect(error?.reason.contains(folder.file("m.tokenizer.bin")) == true)
    #expect(error?.reason.hasSuffix("pass --tokenizer FILE") == true)
    #expect(throws: TokenizerError.self) {
      try Self.resolve(model, override: folder.file("none.bin"))
    }
  }

  @Test func headerDecidesSpecialTokens() throws {
    let section = try TinyVocabulary.chatML().section()
    var metadata = ModelMetadata()
    (metadata.bos, metadata.eos, metadata.unknown) = (5, 6, 7)
    metadata.tokenizer = .byteLevel
    metadata.tokenCount = 512
    let vocabulary = try Self.resolve("m", section: section, metadata: metadata)
    #expect([vocabulary.bos, vocabulary.eos, vocabulary.unknown] == [5, 6, 7])
    metadata.tokenizer = .sentencePiece
    #expect(throws: TokenizerError.self) {
      try Self.resolve("m", section: section, metadata: metadata)
    }
    metadata.tokenizer = .byteLevel
    metadata.tokenCount = 511
    #expect(throws: TokenizerError.self) {
      try Self.resolve("m", section: section, metadata: metadata)
    }
  }

  @Test func damagedSectionNamesTheModel() throws {
    var section = try TinyVocabulary.chatML().section()
    section[100] ^= 1
    let error = #expect(throws: TokenizerError.self) { try Self.resolve("m", section: section) }
    #expect(error?.place == "m")
    #expect(error?.reason.hasPrefix("tokenizer section: is damaged") == true)
  }
}
