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
    let kernels = lck_kernels_best().pointee
    let chosen = Self.highest(max(1, count), of: logits) + [Int(token)]
    let total = kernels.sum_exp(base, logits[chosen[0]], logits.count)
    // The highest is among these: what exp is taken of is the difference from it.
    var weights = chosen.map { logits[$0] }
    weights.withUnsafeMutableBufferPointer {
      guard let weights = $0.baseAddress else { return }
      _ = kernels.exponentials(weights, weights, 1, chosen.count)
    }
    var alternatives = zip(chosen, weights).map {
      Alternative(token: TokenID($0), probability: $1 / total)
    }
    taken = alternatives.removeLast()
    best = Array(alternatives.prefix(count))
  }

  /// Where the `count` highest values are, highest first.
  private static func highest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [Int] {
    // Only stretches with a high value are looked through one by one.
    let stretches = maxima(of: values)
    let limit = stretches.map(\.highest).sorted(by: >).dropFirst(count - 1).first ?? -.infinity
    var found: [Int] = []
    var least = limit
    for stretch in stretches where stretch.highest >= least {
      for index in stretch.range where values[index] >= least {
        guard found.count < count || values[index] > least else { continue }
        let place = found.firstIndex { values[$0] < values[index] } ?? found.count
        found.insert(index, at: place)
        if found.count > count { found.removeLast() }
        if found.count == count { least = found.last.map { values[$0] } ?? least }
      }
    }
    return found
  }

  /// The highest value of each stretch of 512.
  private static func maxima(
    of values: UnsafeBufferPointer<Float>
  ) -> [(range: Range<Int>, highest: Float)] {
    stride(from: 0, to: values.count, by: 512).map { start in
      let range = start..<min(start + 512, values.count)
      let highest = Sampler.mostLikely(UnsafeBufferPointer(rebasing: values[range]))
      return (range, highest < range.count ? values[start + highest] : .infinity)
    }
  }
}
