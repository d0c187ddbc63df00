import Foundation
import ModelFile
import TestSupport
import Tokenization

/// A tokenizer file of one of the classes of damage, M40 to M48, and how a chat that is given it must end.
struct HostileTokenizer: Sendable {
  /// The class, and what is wrong.
  let name: String
  let bytes: [UInt8]
  /// The exit code, and a part of the message; code 0 where the file is odd but can be used.
  let code: Int32
  let message: String

  private init(_ name: String, _ bytes: [UInt8], code: Int32 = 3, _ message: String = "") {
    (self.name, self.bytes, self.code, self.message) = (name, bytes, code, message)
  }

  /// All of them.
  static let table: [HostileTokenizer] = damaged + odd

  /// The class of each damage that the tokenizers' own tests know.
  private static let classes = [
    "empty": "M40", "3 bytes": "M40", "no pieces": "M40", "cut in a header": "M40",
    "cut in a piece": "M40", "length -1": "M41", "length 0": "M41", "length 2^31-1": "M41",
    "huge, allowed": "M41", "longest piece 0": "M42", "NaN": "M45", "infinity": "M45",
  ]

  private static let damaged: [HostileTokenizer] =
    TokenizerBinBuilder.damaged.map {
      HostileTokenizer("\(classes[$0.name] ?? "M39") \($0.name)", $0.bytes, $0.expected)
    }
    + SentencePieceBuilder.damaged.map {
      HostileTokenizer("M48 \($0.name)", $0.bytes, $0.expected)
    }

  private static let odd: [HostileTokenizer] = [
    HostileTokenizer(
      "M42 longest piece 3", changed { $0.replaceSubrange(0..<4, with: [3, 0, 0, 0]) },
      "must be 1…3"),
    HostileTokenizer(
      "M43 no space", file { $0.removeAll { $0.text == Array("\u{2581}".utf8) } }, code: 0),
    HostileTokenizer("M44 a piece twice", file { $0[300].text = $0[301].text }, code: 0),
    HostileTokenizer("M46 no bytes", file { $0.removeSubrange(3..<259) }, code: 0),
    HostileTokenizer("M47 smaller than the model", file { $0.removeSubrange(400...) }, code: 0),
    HostileTokenizer(
      "M47 larger than the model",
      file { pieces in
        for number in 512..<600 { pieces.append((Array("more\(number)".utf8), -1000, .normal)) }
      }, "tokenizer has 600 tokens, model 512"),
  ]

  private typealias Piece = (text: [UInt8], score: Float, kind: Vocabulary.PieceKind)

  /// llama2.c's file of the tiny vocabulary, with other pieces.
  private static func file(_ change: (inout [Piece]) -> Void) -> [UInt8] {
    let sound = TinyVocabulary.sentencePiece()
    var pieces = (0..<sound.count).map { id -> Piece in
      (sound.pieces[id], sound.scores[id], sound.kinds[id])
    }
    change(&pieces)
    let vocabulary = Vocabulary(
      kind: .sentencePiece, pieces: pieces.map(\.text), scores: pieces.map(\.score),
      kinds: pieces.map(\.kind), bos: 1, eos: 2, unknown: 0, addsSpacePrefix: true)
    return (try? vocabulary.tokenizerBin()) ?? []
  }

  private static func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = file { _ in }
    change(&bytes)
    return bytes
  }
}
