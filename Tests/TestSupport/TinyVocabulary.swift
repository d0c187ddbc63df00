import ModelFile
import Tokenization

/// Vocabularies of 512 pieces for the tiny model: the same seed gives the same pieces.
public enum TinyVocabulary {
  /// The number of pieces, as in the stories260K model.
  public static let count = 512

  /// A SentencePiece vocabulary: `<unk>`, `<s>`, `</s>`, the 256 byte pieces, the printable ASCII characters,
  /// U+2581, and merges of two to four letters in order of priority.
  public static func sentencePiece(seed: UInt64 = 1) -> Vocabulary {
    var pieces = ["<unk>", "<s>", "</s>"].map { Array($0.utf8) }
    pieces += (0...255).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)
    }
    var kinds: [Vocabulary.PieceKind] = [.unknown, .control, .control]
    kinds += Array(repeating: .byte, count: 256)
    pieces += (UInt8(ascii: "!")...UInt8(ascii: "~")).map { [$0] }
    let space = Array("\u{2581}".utf8)
    pieces.append(space)
    var scores = [Float](repeating: 0, count: pieces.count)
    for (rank, merge) in merges(count - pieces.count, space: space, seed: seed).enumerated() {
      pieces.append(merge.left + merge.right)
      scores.append(-Float(rank))
    }
    kinds += Array(repeating: .normal, count: pieces.count - kinds.count)
    return Vocabulary(
      kind: .sentencePiece, pieces: pieces, scores: scores, kinds: kinds, bos: 1, eos: 2,
      unknown: 0, addsSpacePrefix: true)
  }

  /// A byte-level vocabulary with ChatML's control tokens: 17 of these (`<|endoftext|>`, `<|im_start|>` and
  /// `<|im_end|>` first), the 256 bytes, and merges of two to four letters.
  public static func chatML(seed: UInt64 = 1) -> Vocabulary {
    let names =
      ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (3..<17).map { "<control_\($0)>" }
    var pieces = names.map { Array($0.utf8) } + (UInt8.min...UInt8.max).map { [$0] }
    let space = Array(" ".utf8)
    var merges: [(left: TokenID, right: TokenID)] = []
    for merge in Self.merges(count - pieces.count, space: space, seed: seed) {
      let parts = [merge.left, merge.right].compactMap { pieces.firstIndex(of: $0) }
      merges.append((TokenID(parts[0]), TokenID(parts[1])))
      pieces.append(merge.left + merge.right)
    }
    let kinds = pieces.indices.map { $0 < names.count ? Vocabulary.PieceKind.control : .normal }
    return Vocabulary(
      kind: .byteLevel, pieces: pieces, kinds: kinds, merges: merges, bos: 1, eos: 2,
      unknown: 0, addsSpacePrefix: false)
  }

  /// Draws merges of letters (or a space and letters) and of what earlier merges made, all different.
  private static func merges(
    _ count: Int, space: [UInt8], seed: UInt64
  ) -> [(left: [UInt8], right: [UInt8])] {
    var random = SeededGenerator(seed: seed)
    let letters = Array("etaoinshrdlucmwfgypbvk".utf8).map { [$0] }
    var parts = letters
    var made: Set<[UInt8]> = []
    var merges: [(left: [UInt8], right: [UInt8])] = []
    while merges.count < count {
      let right = parts.randomElement(using: &random) ?? letters[0]
      let left = Bool.random(using: &random) ? space : parts.randomElement(using: &random) ?? space
      let letterCount = right.count + (left == space ? 1 : left.count)
      guard 2...4 ~= letterCount, made.insert(left + right).inserted else { continue }
      merges.append((left, right))
      if left != space { parts.append(left + right) }
    }
    return merges
  }
}
