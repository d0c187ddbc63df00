import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Conversion

/// `tokenizer.json` files, right ones in their several forms and ones that are refused by name.
@Suite struct TokenizerJSONTests {
  /// The members of a tokenizer.json of SentencePiece's kind, as JSON text.
  private static let model = """
    {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "vocab": {"<unk>": 0, "<s>": 1, \
    "</s>": 2, "<0x0A>": 3, "\u{2581}": 4, "a": 5, "b": 6, "ab": 7, "\u{2581}ab": 8}, \
    "merges": ["a b", "\u{2581} ab"]}
    """
  private static let added = """
    [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}, \
    {"id": 2, "content": "</s>", "special": true}]
    """
  private static let prepend = #"{"type": "Prepend", "prepend": "▁"}"#
  private static let replace = #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#
  private static let double =
    #"{"type": "Replace", "pattern": {"Regex": "\\A▁"}, "content": "▁▁"}"#
  private static func sequence(_ key: String, _ steps: String...) -> String {
    #"{"type": "Sequence", "\#(key)": [\#(steps.joined(separator: ", "))]}"#
  }
  private static func metaspace(_ scheme: String) -> String {
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "\#(scheme)", "split": false}"#
  }

  private func read(
    normalizer: String = "null", splits: String = "null", model: String = Self.model,
    added: String = Self.added
  ) throws -> Vocabulary {
    let json = """
      {"added_tokens": \(added), "normalizer": \(normalizer), "pre_tokenizer": \(splits), \
      "model": \(model)}
      """
    let folder = try TemporaryDirectory()
    return try VocabularyFile.read(try folder.write("tokenizer.json", Array(json.utf8)))
  }

  @Test func readsEveryFormOfLlama() throws {
    let forms: [(normalizer: String, splits: String, addsSpace: Bool)] = [
      (Self.sequence("normalizers", Self.prepend, Self.replace), "null", true),
      (Self.replace, "null", false),
      ("null", Self.metaspace("first"), true),
      ("null", Self.metaspace("never"), false),
      (
        Self.sequence("normalizers", Self.replace, Self.double),
        Self.sequence("pretokenizers", Self.metaspace("always")), true
      ),
    ]
    for (normalizer, splits, addsSpace) in forms {
      let vocabulary = try read(normalizer: normalizer, splits: splits)
      #expect(vocabulary.kind == .sentencePiece && vocabulary.addsSpacePrefix == addsSpace)
      #expect(vocabulary.bos == 1 && vocabulary.eos == 2 && vocabulary.unknown == 0)
      #expect(vocabulary.scores == [0, 0, 0, 0, 0, 0, 0, 0, -1])
      #expect(vocabulary.kinds.prefix(5) == [.unknown, .control, .control, .byte, .normal])
    }
  }

  @Test func mergesMayBePairs() throws {
    let pairs = Self.model.replacing(#"["a b", "▁ ab"]"#, with: #"[["a", "b"], ["▁", "ab"]]"#)
    #expect(pairs != Self.model)
    let vocabulary = try read(normalizer: Self.replace, model: pairs)
    #expect(vocabulary.scores.last == -1)
  }

  /// What is changed, what it becomes, and what the error must say.
  private static let wrong: [(old: String, new: String, expected: String)] = [
    (#""type": "BPE""#, #""type": "Unigram""#, "of type 'Unigram'"),
    (#""BPE","#, #""BPE", "dropout": 0.1,"#, "BPE dropout"),
    (#""BPE","#, #""BPE", "ignore_merges": true,"#, "'ignore_merges'"),
    (#""BPE","#, #""BPE", "end_of_word_suffix": "</w>","#, "'end_of_word_suffix'"),
    (#""byte_fallback": true"#, #""byte_fallback": false"#, "the pre-tokenizer none"),
    (#""b": 6"#, #""b": 5"#, "two tokens have the id 5"),
    (#""▁ab": 8"#, #""▁ab": 9"#, "no token has the id 8"),
    (#""b": 6"#, #""b": "6""#, "a token's id is \"6\""),
    (#""b": 6"#, #""b": -1"#, "a token's id is -1"),
    (#""a b""#, #""ab""#, "merge 0 is \"ab\"; expected two tokens"),
    (#""a b""#, #""b a""#, "merge 0 is \"b a\"; a token of it is not in the vocabulary"),
    (#""a b""#, "5", "merge 0 is 5"),
  ]

  @Test func refusesOtherModelsByName() throws {
    for (old, new, expected) in Self.wrong {
      let model = Self.model.replacing(old, with: new)
      #expect(model != Self.model, "\(old)")
      let error = failure { try read(normalizer: Self.replace, model: model) }
      #expect(error?.reason.contains(expected) == true, "found: \(error?.reason ?? "none")")
    }
  }

  @Test func refusesOtherStepsByName() throws {
    let nfc = #"{"type": "NFC"}"#
    let regex = #"{"type": "Split", "pattern": {"Regex": "x"}}"#
    let byteLevel = #"{"type": "ByteLevel", "add_prefix_space": false}"#
    let cases: [(normalizer: String, splits: String, expected: String)] = [
      (nfc, "null", "the normalizer NFC"), ("null", "null", "the normalizer none"),
      (nfc, Self.metaspace("first"), "the normalizer NFC"),
      ("null", regex, "the pre-tokenizer Split"),
      ("null", Self.metaspace("odd"), "the pre-tokenizer Metaspace"),
      ("null", Self.sequence("pretokenizers", regex, byteLevel), "Split, ByteLevel"),
      ("null", byteLevel, "the pre-tokenizer ByteLevel"),
    ]
    for (normalizer, splits, expected) in cases {
      let error = failure { try read(normalizer: normalizer, splits: splits) }
      #expect(error?.reason.contains(expected) == true, "found: \(error?.reason ?? "none")")
    }
  }

  @Test func addedTokensMustBeSound() throws {
    for added in [#"[{"id": -1, "content": "x"}]"#, #"[{"content": "x"}]"#, #"[{"id": 1}]"#] {
      let error = failure { try read(normalizer: Self.replace, added: added) }
      #expect(error?.reason.contains("'added_tokens'") == true, "\(added)")
    }
    let error = failure { try read(normalizer: Self.replace, model: "{}", added: "[]") }
    #expect(error?.reason.contains("lacks 'model.vocab'") == true)
  }

  @Test func tokensBesideASentencePieceModelAreAdded() throws {
    let folder = try TemporaryDirectory()
    let sources = TinySources()
    let directory = try sources.writeHuggingFace(in: folder, ["vocab_size": "512"])
    let json = """
      {"added_tokens": [{"id": 511, "content": "x", "special": true}, \
      {"id": 512, "content": "<pad>", "special": true}], "model": {}}
      """
    try folder.write("Tiny/tokenizer.json", Array(json.utf8))
    // The embedding has no row for <pad>, and the model never learnt it.
    #expect(try ModelConverter(path: directory).vocabulary?.count == 512)

    var vocabulary = TinyVocabulary.sentencePiece()
    try TokenizerJSON(path: directory + "/tokenizer.json")
      .appendAddedTokens(to: &vocabulary, limit: 600)
    #expect(vocabulary.count == 513 && vocabulary.kinds.last == .control)
  }
}
