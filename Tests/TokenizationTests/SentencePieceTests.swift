import TestSupport
import Testing
import Tokenization

@Suite(.enabled(if: TestData.isAvailable, "needs recorded data"))
struct Llama2VocabularyTests {
  static let files = ["llama2/tokenizer.bin", "llama2/tokenizer.model"]

  static func vocabulary(_ file: String) throws -> Vocabulary {
    try Vocabulary(path: TestData.path(file))
  }

  @Test("llama.cpp's 46 texts", arguments: files)
  func recordedVectors(file: String) throws {
    let tokenizer = try Self.vocabulary(file).makeTokenizer()
    let texts = try TestData.bytes("llama2/spm-vectors.inp")
      .split(separatedBy: Array("\n__ggml_vocab_test__\n".utf8)).dropLast()
    let ids = try TestData.bytes("llama2/spm-vectors.out")
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { $0.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) } }
      .map { $0.compactMap(TokenID.init) }
    #expect(texts.count == 46)
    for (text, ids) in zip(texts, ids) {
      #expect(tokenizer.encode(text) == ids, "\(String(decoding: text, as: UTF8.self))")
    }
  }

  @Test(
    arguments: files,
    [
      // Text that looks like control text stays text.
      ("</s>", [1533, 29879, 29958]),
      ("<s>", [529, 29879, 29958]),
      ("<0x41>", [529, 29900, 29916, 29946, 29896, 29958]),
      ("[INST]", [518, 25580, 29962]),
      // No normalisation.
      ("ﬁ", [29871, 31017]),
      ("e\u{301}", [321, 30103]),
      // A space spelled U+2581, and NUL.
      ("\u{2581}", [259]),
      ("\0", [29871, 3]),
      // Runs of up to 16 spaces are pieces of equal score.
      (" ", [259]),
      (String(repeating: " ", count: 15), [462]),
      ("", []),
    ] as [(String, [TokenID])])
  func goldens(file: String, golden: (text: String, ids: [TokenID])) throws {
    let tokenizer = try Self.vocabulary(file).makeTokenizer()
    #expect(tokenizer.encode(golden.text) == golden.ids)
  }
}

extension [UInt8] {
  /// The parts between occurrences of a separator, empty ones included.
  func split(separatedBy separator: [UInt8]) -> [[UInt8]] {
    var parts: [[UInt8]] = [[]]
    var rest = self[...]
    while let byte = rest.first {
      if rest.starts(with: separator) {
        parts.append([])
        rest = rest.dropFirst(separator.count)
      } else {
        parts[parts.count - 1].append(byte)
        rest = rest.dropFirst()
      }
    }
    return parts
  }
}
