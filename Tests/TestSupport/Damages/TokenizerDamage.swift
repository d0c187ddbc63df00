/// A tokenizer file that is damaged or foreign, and what the error must say.
package struct TokenizerDamage: Sendable, CustomStringConvertible {
  package let name: String
  package let bytes: [UInt8]
  package let expected: String
  package var description: String { name }

  init(_ name: String, _ bytes: [UInt8], _ expected: String) {
    self.name = name
    self.bytes = bytes
    self.expected = expected
  }
}

extension TokenizerBinBuilder {
  package static let damaged: [TokenizerDamage] = [
    .init("empty", [], "is empty"),
    .init("3 bytes", [8, 0, 0], "length of the longest piece"),
    .init("no pieces", file([]), "has 0 pieces"),
    .init("cut in a header", Array(file(special).dropLast(12)), "score and length of piece 2"),
    .init("cut in a piece", Array(file(special).dropLast()), "piece 2 at byte"),
    .init("length -1", file(special + [(0, -1, "a")]), "has -1 bytes"),
    .init("length 0", file(special + [(0, 0, "")]), "has 0 bytes"),
    .init("length 2^31-1", file(special + [(0, .max, "a")]), "has 2147483647 bytes"),
    .init("huge, allowed", file(longest: .max, special + [(0, .max, "a")]), "needs 2,147,483,647"),
    .init("longest piece 0", file(longest: 0, special), "must be 1…0"),
    .init("NaN", file(special + [(.nan, 1, "a")]), "piece 3 at byte 44 has the score nan"),
    .init("infinity", file(special + [(-.infinity, 1, "a")]), "has the score -inf"),
    .init("GGUF", Array("GGUF....".utf8), "is a GGUF file"),
    .init("model", Array("24ka....".utf8), "is a llama2.c model"),
    .init("JSON", Array("{\n  \"version\"".utf8), "is JSON"),
    .init("pointer", Array("version https://git-lfs.example".utf8), "is a git-lfs pointer"),
    .init("page", Array("<!DOCTYPE html>".utf8), "is a web page"),
  ]
}

extension SentencePieceBuilder {
  package static let damaged: [TokenizerDamage] = [
    .init("unigram", special + identity, "of type unigram; only BPE"),
    .init("word", special + field(2, [3 << 3, 3]) + identity, "of type word"),
    .init(
      "nmt_nfkc",
      special + bpe
        + field(3, field(1, Array("nmt_nfkc".utf8)) + field(2, [1, 2]) + [4 << 3, 0]),
      "has the normalizer nmt_nfkc; only identity"
    ),
    .init("whitespace removed", special + bpe, "has remove_extra_whitespaces"),
    .init("no unknown", piece("<s>", kind: 3) + bpe + identity, "has 0 unknown pieces"),
    .init("two unknown", special + piece("?", kind: 2) + bpe + identity, "has 2 unknown pieces"),
    .init("no eos", piece("<unk>", kind: 2) + piece("<s>", kind: 3) + bpe + identity, "\"</s>\""),
    .init(
      "byte without fallback", special + piece("<0x00>", kind: 6) + bpe + identity,
      "has 1 byte pieces; must be 0"
    ),
    .init("empty piece", special + piece("") + bpe + identity, "piece 3 is empty"),
    .init("kind 9", special + piece("a", kind: 9) + bpe + identity, "piece 3 is of kind 9"),
    .init("NaN", special + piece("a", score: .nan) + bpe + identity, "piece 3 has the score nan"),
    .init("piece past the end", special + [10, 100], "model, field 1 at byte"),
    .init(
      "inner length past the end", special + field(1, [10, 100, 97]),
      "piece 3, field 1 at byte"
    ),
    .init(
      "length of 2^63", special + [10] + [UInt8](repeating: 0xFF, count: 9) + [1],
      "18446744073709551615 bytes"
    ),
    .init("11-byte varint", special + [8] + [UInt8](repeating: 0x80, count: 10), "longer than 64"),
    .init("group", special + [4 << 3 | 3], "wire type 3"),
    .init("field 0", special + [0, 0], "0 is not a field number"),
    .init("wrong type", special + [1 << 3, 0], "field 1 is not a message"),
  ]
}
