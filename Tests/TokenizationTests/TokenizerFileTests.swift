import ModelFile
import TestSupport
import Testing

@testable import Tokenization

/// `tokenizer.bin`, its damages and what is taken for one by mistake.
struct TokenizerBinTests {
  static func read(_ file: [UInt8]) throws -> Vocabulary {
    try file.withUnsafeBytes { bytes in
      try TokenizerError.at("t.bin") { try Vocabulary(tokenizerFile: bytes) }
    }
  }

  @Test(arguments: TokenizerBinBuilder.damaged)
  func damaged(damage: TokenizerDamage) {
    let error = #expect(throws: TokenizerError.self) { try Self.read(damage.bytes) }
    #expect(error?.place == "t.bin")
    #expect(error?.reason.contains(damage.expected) == true, "\(error?.reason ?? "")")
  }

  @Test func kindsAreReconstructed() throws {
    let vocabulary = try Self.read(
      TokenizerBinBuilder.file(
        TokenizerBinBuilder.special + [(0, 6, "<0x00>"), (0, 6, "<0xzz>"), (-1, 2, " a")]))
    #expect(vocabulary.kinds == [.unknown, .control, .control, .byte, .normal, .normal])
    #expect(vocabulary.pieces[1] == Array("<s>".utf8))
    #expect(vocabulary.pieces[2] == Array("</s>".utf8))
    #expect(vocabulary.pieces[5] == Array("\u{2581}a".utf8))
    #expect(try vocabulary.makeTokenizer().controlToken(named: "</s>") == 2)
  }

  @Test func withoutBytesAndSpaceTextIsUnknown() throws {
    let tokenizer = try Self.read(
      TokenizerBinBuilder.file(TokenizerBinBuilder.special + [(0, 1, "a")])
    ).makeTokenizer()
    #expect(tokenizer.encode("a é") == [0, 3, 0])
  }

  @Test func firstOfEqualPiecesCounts() throws {
    let tokenizer = try Self.read(
      TokenizerBinBuilder.file(
        TokenizerBinBuilder.special + [(0, 1, " "), (0, 1, "a"), (0, 1, "a")])
    ).makeTokenizer()
    #expect(tokenizer.encode("a") == [3, 4])
  }

  @Test func missingFileIsNamed() {
    let error = #expect(throws: TokenizerError.self) { try Vocabulary(path: "/no/such.bin") }
    #expect(error?.place == "/no/such.bin")
    #expect(throws: TokenizerError.self) { try Vocabulary(path: "/dev/null") }
    #expect(throws: TokenizerError.self) { try Vocabulary(path: "/tmp") }
  }
}

struct TokenizerSectionTests {
  static func read(_ section: [UInt8]) throws -> Vocabulary {
    try section.withUnsafeBytes { try Vocabulary(section: $0) }
  }

  /// Sizes that no vocabulary has are refused before anything of that size is made.
  @Test func sizesAreLimited() throws {
    let vast = [UInt8]("LCT1".utf8) + [UInt8](repeating: 0, count: Vocabulary.maximumFileSize)
    let error = #expect(throws: TokenizerError.self) { try Self.read(vast) }
    #expect(error?.reason.contains("no vocabulary needs more than 67,108,864") == true)
    var vocabulary = TinyVocabulary.chatML()
    vocabulary.merges = Array(repeating: (0, 0), count: Vocabulary.maximumCount + 1)
    let merges = #expect(throws: TokenizerError.self) { try vocabulary.section() }
    #expect(merges?.reason.contains("merges; must be 0…") == true)
  }

  /// A section whose checksum is right again after `change`.
  static func changed(_ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
    var section = Array(try TinyVocabulary.chatML().section().dropLast(4))
    change(&section)
    section.append(littleEndian: CRC32.checksum(section))
    return section
  }

  @Test(arguments: [TinyVocabulary.sentencePiece(), TinyVocabulary.chatML()])
  func roundTrip(vocabulary: Vocabulary) throws {
    let copy = try Self.read(try vocabulary.section())
    #expect(copy.kind == vocabulary.kind)
    #expect(copy.pieces == vocabulary.pieces)
    #expect(copy.scores == vocabulary.scores)
    #expect(copy.kinds == vocabulary.kinds)
    #expect(
      copy.merges.map { [$0.left, $0.right] } == vocabulary.merges.map { [$0.left, $0.right] })
    #expect([copy.bos, copy.eos, copy.unknown] == [1, 2, 0])
    #expect(copy.addsSpacePrefix == vocabulary.addsSpacePrefix)
  }

  @Test func bytesAreAsDocumented() throws {
    let vocabulary = Vocabulary(
      kind: .sentencePiece, pieces: [[0x61], [0x62, 0x63]], scores: [0, -1],
      kinds: [.unknown, .control], bos: 1, eos: 1, unknown: nil, addsSpacePrefix: true)
    var expected: [UInt8] = Array("LCT1".utf8)
    for value in [1, 2, 0, 1, 1, -1, 1] as [Int32] { expected.append(littleEndian: value) }
    for score in [0, -1] as [Float] { expected.append(float: score) }
    expected += [2, 3, 0, 0]
    for offset in [0, 1, 3] as [UInt32] { expected.append(littleEndian: offset) }
    expected += [0x61, 0x62, 0x63, 0]
    expected.append(littleEndian: CRC32.checksum(expected))
    #expect(try vocabulary.section() == expected)
  }

  /// A few pieces of either kind, so that every bit can be tried.
  static let small = [
    Vocabulary(
      kind: .sentencePiece, pieces: [[0x61], [0x62, 0x63], [0xE2, 0x96, 0x81]],
      scores: [0, -1, -2], kinds: [.unknown, .control, .normal], bos: 1, eos: 1, unknown: 0,
      addsSpacePrefix: true),
    Vocabulary(
      kind: .byteLevel, pieces: [[0x61], [0x62], [0x61, 0x62]],
      kinds: [.normal, .normal, .normal], merges: [(0, 1)], bos: 1, eos: 1, unknown: nil,
      addsSpacePrefix: false),
  ]

  @Test(arguments: small)
  func everyTruncationThrows(vocabulary: Vocabulary) throws {
    let section = try vocabulary.section()
    for count in section.indices {
      #expect(throws: TokenizerError.self) { try Self.read(Array(section.prefix(count))) }
    }
    #expect(throws: TokenizerError.self) { try Self.read(section + [0]) }
  }

  @Test(arguments: small)
  func everyBitFlipThrows(vocabulary: Vocabulary) throws {
    var section = try vocabulary.section()
    for bit in 0..<section.count * 8 {
      section[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: TokenizerError.self) { try Self.read(section) }
      section[bit / 8] ^= 1 << (bit % 8)
    }
  }

  /// With the checksum made right again, so that the fields' own checks are what must hold.
  @Test(arguments: small)
  func everyBitFlipBehindTheChecksumThrowsOrLoads(vocabulary: Vocabulary) throws {
    let section = try vocabulary.section()
    var refused = 0
    for bit in 0..<(section.count - 4) * 8 {
      var flipped = Array(section.dropLast(4))
      flipped[bit / 8] ^= 1 << (bit % 8)
      flipped.append(littleEndian: CRC32.checksum(flipped))
      do {
        let tokenizer = try Self.read(flipped).makeTokenizer()
        let ids = tokenizer.encode("ab c")
        #expect(ids.allSatisfy { tokenizer.vocabulary.pieces.indices.contains(Int($0)) })
      } catch {
        refused += 1
      }
    }
    #expect(refused > section.count)
  }

  @Test(
    arguments: [
      ("kind", 4, 3, "kind is 3"),
      ("no pieces", 8, 0, "has 0 pieces"),
      ("too many pieces", 8, .max, "has 4294967295 pieces"),
      ("merges past the end", 12, .max, "merges"),
      ("eos outside", 20, 512, "eos id is 512"),
      ("flags", 28, 2, "flags are 2"),
      ("piece kind", 32, 7, "of kind 7"),
      ("first offset", 32 + 512, 1, "does not begin at 0"),
      ("offsets descend", 32 + 512 + 4, .max, "begins at 4294967295"),
      ("merge outside", 32 + 512 + 4 * 513, 512, "merge 0 is of ids 512"),
    ] as [(String, Int, UInt32, String)])
  func damaged(name: String, offset: Int, value: UInt32, reason: String) throws {
    let section = try Self.changed { section in
      var bytes: [UInt8] = []
      bytes.append(littleEndian: value)
      section.replaceSubrange(offset..<offset + 4, with: bytes)
    }
    let error = #expect(throws: TokenizerError.self) { try Self.read(section) }
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
  }

  @Test func partsThatDoNotFitAreNotWritten() {
    var vocabulary = TinyVocabulary.sentencePiece()
    vocabulary.kinds.removeLast()
    #expect(throws: TokenizerError.self) { try vocabulary.section() }
    #expect(throws: TokenizerError.self) { try vocabulary.makeTokenizer() }
    vocabulary = TinyVocabulary.sentencePiece()
    vocabulary.scores[7] = .nan
    #expect(throws: TokenizerError.self) { try vocabulary.makeTokenizer() }
    vocabulary = TinyVocabulary.chatML()
    vocabulary.merges.append((0, 1))
    #expect(throws: TokenizerError.self) { try vocabulary.makeTokenizer() }
  }
}

/// Tokenizer files that are written.
@Suite struct TokenizerWritingTests {
  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"))
  func tokenizerBinIsThatOfLlama2C() throws {
    let vocabulary = try Vocabulary(path: TestData.path("llama2/tokenizer.model"))
    #expect(try vocabulary.tokenizerBin() == TestData.bytes("llama2/tokenizer.bin"))
    let again = try vocabulary.sentencePieceModel()
    let read = try again.withUnsafeBytes { try Vocabulary(tokenizerFile: $0) }
    #expect(try read.section() == vocabulary.section())
  }

  @Test func bothFormatsComeBack() throws {
    let vocabulary = TinyVocabulary.sentencePiece()
    let model = try vocabulary.sentencePieceModel()
    let fromModel = try model.withUnsafeBytes { try Vocabulary(tokenizerFile: $0) }
    #expect(try fromModel.section() == vocabulary.section())
    let bin = try vocabulary.tokenizerBin()
    let fromBin = try bin.withUnsafeBytes { try Vocabulary(tokenizerFile: $0) }
    #expect(try fromBin.section() == vocabulary.section())
  }

  @Test func otherVocabulariesAreRefused() {
    #expect(throws: TokenizerError.self) { try TinyVocabulary.chatML().tokenizerBin() }
    #expect(throws: TokenizerError.self) { try TinyVocabulary.chatML().sentencePieceModel() }
    var moved = TinyVocabulary.sentencePiece()
    moved.bos = 5
    #expect(throws: TokenizerError.self) { try moved.tokenizerBin() }
    #expect(throws: TokenizerError.self) { try moved.sentencePieceModel() }
  }
}
