import ModelFile

/// A token's number in the vocabulary.
public typealias TokenID = Int32

/// The pieces of a tokenizer and what it needs to use them.
public struct Vocabulary: Sendable {
  /// What a piece is; raw values are SentencePiece's.
  public enum PieceKind: UInt8, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte

    /// Whether text can spell it.
    var isText: Bool {
      switch self {
      case .normal, .userDefined, .unused: true
      case .unknown, .control, .byte: false
      }
    }
  }

  /// More pieces than any real vocabulary has; llama2.c's largest is 32,000, Gemma's 262,144.
  package static let maximumCount = 1 << 22

  /// Which algorithm uses it.
  public var kind: TokenizerKind
  /// Each piece's bytes: for SentencePiece with U+2581 for a space, for byte-level the bytes it prints.
  public var pieces: PieceList
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

  /// Creates a vocabulary from its parts; ``makeTokenizer()`` and ``section()`` check them.
  public init(
    kind: TokenizerKind, pieces: PieceList, scores: [Float] = [], kinds: [PieceKind],
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

  /// Creates a vocabulary from its parts, with one array per piece.
  public init(
    kind: TokenizerKind, pieces: [[UInt8]], scores: [Float] = [], kinds: [PieceKind],
    merges: [(left: TokenID, right: TokenID)] = [], bos: TokenID, eos: TokenID, unknown: TokenID?,
    addsSpacePrefix: Bool
  ) {
    self.init(
      kind: kind, pieces: PieceList(pieces), scores: scores, kinds: kinds, merges: merges,
      bos: bos, eos: eos, unknown: unknown, addsSpacePrefix: addsSpacePrefix)
  }

  /// Checks that the parts fit together, so that no use of them can go out of bounds.
  ///
  /// - Throws: ``TokenizerError`` naming the part.
  func validate() throws(TokenizerError) {
    guard 1...Self.maximumCount ~= count else {
      throw TokenizerError(reason: "has \(count) pieces; must be 1…\(Self.maximumCount)")
    }
    guard kinds.count == count else {
      throw TokenizerError(reason: "has \(count) pieces but \(kinds.count) piece kinds")
    }
    let scoresExpected = kind == .sentencePiece ? count : 0
    guard scores.count == scoresExpected else {
      throw TokenizerError(reason: "has \(scores.count) scores; expected \(scoresExpected)")
    }
    if let id = scores.firstIndex(where: { !$0.isFinite }) {
      throw TokenizerError(reason: "piece \(id) has the score \(scores[id]); must be finite")
    }
    for (name, id) in [("bos", bos), ("eos", eos), ("unknown", unknown ?? 0)] {
      guard contains(id) else {
        throw TokenizerError(reason: "\(name) id is \(id); must be 0…\(count - 1)")
      }
    }
    guard kind == .byteLevel || merges.isEmpty else {
      throw TokenizerError(reason: "is SentencePiece but has \(merges.count) merges")
    }
    guard merges.count <= Self.maximumCount else {
      throw TokenizerError(reason: "has \(merges.count) merges; must be 0…\(Self.maximumCount)")
    }
    if let rank = merges.firstIndex(where: { !contains($0.left) || !contains($0.right) }) {
      let merge = merges[rank]
      throw TokenizerError(
        reason: "merge \(rank) is of ids \(merge.left) and \(merge.right); must be 0…\(count - 1)")
    }
  }

  /// Whether a piece has this id.
  func contains(_ id: TokenID) -> Bool { id >= 0 && Int(id) < count }
}
