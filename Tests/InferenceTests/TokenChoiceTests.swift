import Foundation
import Inference
import TestSupport
import Testing
import Tokenization

@Suite struct TokenChoiceTests {
  /// What there is to choose from, found by sorting all and adding all up.
  private func expected(_ logits: [Float], count: Int) -> [(token: Int, probability: Double)] {
    let highest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - highest) }
    let total = powers.reduce(0, +)
    return logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(count)
      .map { ($0, powers[$0] / total) }
  }

  @Test(arguments: [1, 2, 4, 5, 6, 16, 511, 512, 513, 1030, 32_000])
  func theLikeliestAreFound(vocabularySize: Int) throws {
    var random = SeededGenerator(seed: UInt64(vocabularySize))
    for spread: Float in [0, 1, 3, 40] {
      // Few values, so that many are equal.
      var logits = (0..<vocabularySize + 3).map { _ in
        (Float.random(in: -1...1, using: &random) * 50).rounded() / 50 * spread
      }
      // What is beyond the vocabulary does not count.
      for index in vocabularySize..<logits.count { logits[index] = 1000 }
      for count in [0, 1, 5, 9] {
        let token = Int.random(in: 0..<vocabularySize, using: &random)
        let choice = try #require(
          logits.withUnsafeBufferPointer {
            TokenChoice(
              TokenID(token), of: $0, vocabularySize: vocabularySize, count: count)
          })
        let all = expected(Array(logits.prefix(vocabularySize)), count: vocabularySize)
        #expect(choice.best.map { Int($0.token) } == all.prefix(count).map(\.token))
        for (found, right) in zip(choice.best, all) { expectNear(found, right.probability) }
        #expect(choice.taken.token == TokenID(token))
        let right = try #require(all.first { $0.token == token })
        expectNear(choice.taken, right.probability)
      }
    }
  }

  /// Where nearly all are alike, many small errors must not become a large one.
  @Test func manyAlikeAddUp() throws {
    var logits = [Float](repeating: -0.1, count: 250_000)
    logits[7] = 0
    let choice = try #require(
      logits.withUnsafeBufferPointer {
        TokenChoice(7, of: $0, vocabularySize: logits.count)
      })
    for (found, right) in zip(choice.best, expected(logits, count: 5)) {
      expectNear(found, right.probability)
    }
  }

  private func expectNear(_ found: Alternative, _ probability: Double) {
    let difference = abs(Double(found.probability) - probability)
    #expect(difference <= max(1e-5 * probability, 1e-37), "\(found), not \(probability)")
  }

  @Test func aTokenBeyondTheVocabularyHasNoChoice() {
    let logits: [Float] = [1, 2, 3]
    for token: TokenID in [-1, 2, 3] {
      let choice = logits.withUnsafeBufferPointer {
        TokenChoice(token, of: $0, vocabularySize: 2)
      }
      #expect(choice == nil)
    }
  }
}
