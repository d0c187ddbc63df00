import CKernels
import Tokenization

/// Logits to a token: greedy, or temperature and top-p with a seeded generator.
///
/// The generator, the cut-off and the order of ties are llama2.c's, so the same seed gives the same
/// text as `run`.
public struct Sampler: Sendable {
  /// Logits are divided by it; below 10⁻⁶ the most likely token is taken.
  public var temperature: Float
  /// Nucleus mass; 0 or less, or 1 or more, is off, as in run.c.
  public var topP: Float
  /// The xorshift64* generator's state, which starts as the seed.
  private var state: UInt64
  // Scratch, kept from token to token.
  private var weights: [Float] = []
  private var indices: [UInt32] = []
  private var nucleus = Nucleus()

  /// A sampler; seed 0 is replaced, because the generator would stay at 0.
  public init(temperature: Float, topP: Float, seed: UInt64) {
    self.temperature = temperature
    self.topP = topP
    state = Self.usable(seed)
  }

  /// The generator's state, which decides all tokens to come; 0 is replaced as seed 0 is.
  public var generatorState: UInt64 {
    get { state }
    set { state = Self.usable(newValue) }
  }

  /// Starts the generator again.
  public mutating func reseed(_ seed: UInt64) { state = Self.usable(seed) }

  private static func usable(_ seed: UInt64) -> UInt64 { seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed }

  /// Whether it takes the most likely token, and so needs nothing else of the logits.
  public var isGreedy: Bool { temperature < 1e-6 }

  /// Draws a token among the first `count` logits; `position` is only for the error text.
  ///
  /// - Throws: ``InferenceError/damagedLogits(position:)`` when a logit is NaN or infinite.
  public mutating func sample(
    _ logits: UnsafeBufferPointer<Float>, count: Int, position: Int
  ) throws -> TokenID {
    let logits = UnsafeBufferPointer(rebasing: logits[..<min(count, logits.count)])
    let best = Self.mostLikely(logits)
    guard best < logits.count else { throw InferenceError.damagedLogits(position: position) }
    if isGreedy { return TokenID(best) }
    let total = fillWeights(logits)
    // Logits near the end of what a float holds leave it when they are divided by a low temperature.
    guard total.isFinite else { throw InferenceError.damagedLogits(position: position) }
    let coin = nextUnitFloat()
    if topP <= 0 || topP >= 1 { return drawFromAll(coin, total) }
    return drawFromNucleus(coin, total) ?? TokenID(best)
  }

  /// The first of the highest values; their count when one is NaN or infinite.
  static func mostLikely(_ values: UnsafeBufferPointer<Float>) -> Int {
    guard let base = values.baseAddress else { return 0 }
    return kernels.argmax(base, values.count)
  }

  /// All kernels give the same bits, so these need not be the engine's.
  private static var kernels: lck_kernels { lck_kernels_best().pointee }

  /// Makes each token's weight: its probability times the sum of all, which is returned.
  private mutating func fillWeights(_ logits: UnsafeBufferPointer<Float>) -> Float {
    if weights.count != logits.count {
      weights = Array(repeating: 0, count: logits.count)
      indices = Array(repeating: 0, count: logits.count)
    }
    return weights.withUnsafeMutableBufferPointer { weights in
      guard let base = logits.baseAddress, let out = weights.baseAddress else { return 0 }
      return Self.kernels.exponentials(out, base, temperature, logits.count)
    }
  }

  /// Draws among all tokens: the first whose cumulative probability is above the coin.
  private func drawFromAll(_ coin: Float, _ total: Float) -> TokenID {
    let stretch = 512
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: stretch) { probabilities in
      var cumulative: Float = 0
      for start in Swift.stride(from: 0, to: weights.count, by: stretch) {
        let count = min(stretch, weights.count - start)
        for i in 0..<count { probabilities[i] = weights[start + i] / total }
        guard let base = probabilities.baseAddress else { break }
        // Sums only grow: the coin falls into this stretch, or the stretch may be added as a whole.
        let next = Self.kernels.ordered_sum(cumulative, base, count)
        if coin < next {
          for i in 0..<count {
            cumulative += probabilities[i]
            if coin < cumulative { return TokenID(start + i) }
          }
        }
        cumulative = next
      }
      return TokenID(weights.count - 1)
    }
  }

  /// Draws among the fewest tokens whose probabilities add up to more than ``topP``.
  ///
  /// - Returns: `nil` when that is less than the most likely token: with a mass below 1 / count it can
  ///   miss the cut-off.
  private mutating func drawFromNucleus(_ coin: Float, _ total: Float) -> TokenID? {
    // A token below this can never be part of the nucleus.
    let cutoff = (1 - topP) / Float(max(1, weights.count - 1))
    indices.withUnsafeMutableBufferPointer { indices in
      weights.withUnsafeBufferPointer { weights in
        guard let base = weights.baseAddress, let out = indices.baseAddress else { return }
        // A little lower for the weights, so that only the rounded probabilities decide.
        let count = Self.kernels.indices_from(out, base, cutoff * total * 0.99999, weights.count)
        nucleus.fill(
          UnsafeBufferPointer(rebasing: indices[..<count]), weights: weights, total: total,
          cutoff: cutoff)
      }
    }
    return nucleus.draw(coin, mass: topP)
  }

  /// xorshift64*, the upper 24 of its 32 result bits as a float in 0 ..< 1.
  private mutating func nextUnitFloat() -> Float {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    let bits = UInt32(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 32)
    return Float(bits >> 8) / 16_777_216
  }
}
