import CKernels
import Tokenization

/// A token that could come next, and how likely the model finds it, whatever the temperature.
public struct Alternative: Hashable, Sendable {
  /// The token.
  public var token: TokenID
  /// Its probability at temperature 1.
  public var probability: Float

  /// A token and its probability.
  public init(token: TokenID, probability: Float) {
    self.token = token
    self.probability = probability
  }
}

/// A token that was taken, and the likeliest there were.
public struct TokenChoice: Hashable, Sendable {
  /// The one taken.
  public var taken: Alternative
  /// The likeliest, best first; equals in the order of their ids.
  public var best: [Alternative]

  /// Looks up `token` and the `count` likeliest among the first `vocabularySize` logits, all of them
  /// finite.
  ///
  /// - Returns: `nil` when the token is not among them.
  public init?(
    _ token: TokenID, of logits: UnsafeBufferPointer<Float>, vocabularySize: Int, count: Int = 5
  ) {
    let logits = UnsafeBufferPointer(rebasing: logits.prefix(vocabularySize))
    guard logits.indices.contains(Int(token)), let base = logits.baseAddress else { return nil }
    (taken, best) = withUnsafeTemporaryAllocation(of: Float.self, capacity: logits.count) {
      weights in
      let total = weights.baseAddress.map {
        lck_kernels_best().pointee.exponentials($0, base, 1, logits.count)
      }
      func alternative(_ index: Int) -> Alternative {
        Alternative(token: TokenID(index), probability: weights[index] / (total ?? 1))
      }
      return (alternative(Int(token)), Self.highest(count, of: logits).map(alternative))
    }
  }

  /// Where the `count` highest values are, highest first.
  private static func highest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [Int] {
    var found: [Int] = []
    var least = -Float.infinity
    for index in values.indices where found.count < count || values[index] > least {
      let place = found.firstIndex { values[$0] < values[index] } ?? found.count
      found.insert(index, at: place)
      if found.count > count { found.removeLast() }
      least = found.last.map { values[$0] } ?? least
    }
    return found
  }
}
