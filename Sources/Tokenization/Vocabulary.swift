import ModelFile

/// A token's number in the vocabulary.
public typealias TokenID = Int32

/// The pieces of a tokenizer and what it needs to use them.
public struct Vocabulary: Sendable {
  /// What a piece is; raw values are SentencePiece's.
  public enum PieceKind: UInt8, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// Which algorithm uses it.
  public var kind: TokenizerKind
  /// Each piece's bytes: for SentencePiece with U+2581 for a space, for byte-level the bytes it prints.
  public var pieces: [[UInt8]]
  /// SentencePiece's merge priority, higher first; empty for byte-level.
  public var scores: [Float]
  /// What each piece is.
  public var kinds: [PieceKind]
  /// Byte-level merges in order of rank: the two pieces' ids; empty for SentencePiece.
  public var merges: [(left: TokenID, right: TokenID)]
  /// Beginning-of-sequence id.
  public var bos: TokenID
  /// End-of-sequence id.
  public var eos: TokenID
  /// Unknown-piece id.
  public var unknown: TokenID?
  /// Whether encoding puts a space before the text (SentencePiece's dummy prefix).
  public var addsSpacePrefix: Bool

  /// Number of pieces.
  public var count: Int { pieces.count }

  /// Creates a vocabulary from its parts.
  public init(
    kind: TokenizerKind, pieces: [[UInt8]], scores: [Float] = [], kinds: [PieceKind],
    merges: [(left: TokenID, right: TokenID)] = [], bos: TokenID, eos: TokenID, unknown: TokenID?,
    addsSpacePrefix: Bool
  ) {
    self.kind = kind
    self.pieces = pieces
    self.scores = scores
    self.kinds = kinds
    self.merges = merges
    self.bos = bos
    self.eos = eos
    self.unknown = unknown
    self.addsSpacePrefix = addsSpacePrefix
  }
}
