import ModelFile

/// Builds `tokenizer.model` field by field, right ones and wrong ones.
package enum SentencePieceBuilder {
  package static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  package static func piece(_ text: String, kind: UInt8 = 1, score: Float = 0) -> [UInt8] {
    var body = field(1, Array(text.utf8)) + [2 << 3 | 5]
    body.append(float: score)
    return field(1, body + [3 << 3, kind])
  }

  package static let special =
    piece("<unk>", kind: 2) + piece("<s>", kind: 3) + piece("</s>", kind: 3)
  /// The trainer's and the normalizer's fields: BPE; identity, where spaces are kept.
  package static let bpe = field(2, [3 << 3, 2])
  package static let identity = field(3, field(1, Array("identity".utf8)) + [4 << 3, 0])
}
