import Tokenization

/// A list of tokens that holds in common with other lists what they have in common.
///
/// Each turn's prompt is the one before and a little more, or, in a full context, most of it moved up. The list is cut
/// where the tokens themselves say so, so that the same stretch of tokens is the same pieces wherever it stands.
public struct SharedTokens: Hashable, Sendable {
  /// A few tokens, held once.
  final class Piece: Hashable, Sendable {
    let tokens: [TokenID]

    init(_ tokens: [TokenID]) { self.tokens = tokens }

    static func == (one: Piece, other: Piece) -> Bool {
      one === other || one.tokens == other.tokens
    }

    func hash(into hasher: inout Hasher) { hasher.combine(tokens) }
  }

  /// The pieces in order, none of them empty.
  let pieces: [Piece]
  /// How many tokens there are.
  public let count: Int

  /// The most tokens of a piece; most have about a quarter.
  static let longestPiece = 128

  /// A list of pieces that are there already.
  init(pieces: [Piece]) {
    self.pieces = pieces
    count = pieces.reduce(0) { $0 + $1.tokens.count }
  }

  /// A list of tokens.
  ///
  /// - Parameter other: A list that much of it may be in.
  public init(_ tokens: some Sequence<TokenID>, sharing other: SharedTokens? = nil) {
    let known = Set(other?.pieces ?? [])
    var pieces: [Piece] = []
    var open: [TokenID] = []
    func close() {
      guard !open.isEmpty else { return }
      let piece = Piece(open)
      pieces.append(known.firstIndex(of: piece).map { known[$0] } ?? piece)
      open = []
    }
    for token in tokens {
      let before = open.last ?? 0
      open.append(token)
      if open.count == Self.longestPiece || Self.isEnd(token, after: before) { close() }
    }
    close()
    self.init(pieces: pieces)
  }

  /// Whether a piece ends with a token: one in 32 does.
  private static func isEnd(_ token: TokenID, after before: TokenID) -> Bool {
    let mixed = UInt32(bitPattern: token) &* 0x9E37_79B1 ^ UInt32(bitPattern: before) &* 0x85EB_CA77
    return mixed >> 27 == 0
  }

  /// The tokens in one array.
  public var tokens: [TokenID] {
    var tokens: [TokenID] = []
    tokens.reserveCapacity(count)
    for piece in pieces { tokens += piece.tokens }
    return tokens
  }

  /// Whether two lists have the same tokens, however they were cut.
  public static func == (one: SharedTokens, other: SharedTokens) -> Bool {
    one.pieces == other.pieces || one.count == other.count && one.tokens == other.tokens
  }

  /// Of the length alone, as the pieces may differ.
  public func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
