import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct SharedTokensTests {
  private func random(_ count: Int, seed: UInt64) -> [TokenID] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in TokenID.random(in: 0..<32_000, using: &generator) }
  }

  @Test func theyAreTheTokens() {
    for count in [0, 1, 127, 128, 129, 5000] {
      let tokens = random(count, seed: UInt64(count) + 1)
      let shared = SharedTokens(tokens)
      #expect(shared.tokens == tokens && shared.count == count)
      #expect(shared.pieces.allSatisfy { 1...SharedTokens.longestPiece ~= $0.tokens.count })
    }
    let alike = SharedTokens([TokenID](repeating: 7, count: 1000))
    #expect(alike.pieces.count == 8)
  }

  /// Held once: what is appended to, and what is moved up because something before it was taken out.
  @Test func equalStretchesAreHeldOnce() {
    let (system, first, rest) = (random(60, seed: 1), random(300, seed: 2), random(1500, seed: 3))
    let before = SharedTokens(system + first + rest)
    let known = Set(before.pieces.map(ObjectIdentifier.init))
    func own(_ tokens: [TokenID]) -> Int {
      SharedTokens(tokens, sharing: before).pieces
        .filter { !known.contains(ObjectIdentifier($0)) }.reduce(0) { $0 + $1.tokens.count }
    }
    let more = random(40, seed: 4)
    #expect(own(system + first + rest) == 0)
    #expect(own(system + first + rest + more) <= more.count + SharedTokens.longestPiece)
    #expect(own(system + rest + more) <= more.count + 3 * SharedTokens.longestPiece)
  }

  @Test func equalityIsThatOfTheTokens() {
    let tokens = random(200, seed: 1)
    let whole = SharedTokens(pieces: [.init(tokens)])
    #expect(whole == SharedTokens(tokens) && whole.hashValue == SharedTokens(tokens).hashValue)
    #expect(SharedTokens(tokens) != SharedTokens(tokens.reversed()))
    #expect(SharedTokens(tokens) != SharedTokens(tokens + [1]))
  }
}
