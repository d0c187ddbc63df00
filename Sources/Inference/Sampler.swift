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
  private var probabilities: [Float] = []
  private var nucleus: [Candidate] = []

  private struct Candidate {
    let probability: Float
    let token: TokenID
  }

  /// A sampler; seed 0 is replaced, because the generator would stay at 0.
  public init(temperature: Float, topP: Float, seed: UInt64) {
    self.temperature = temperature
    self.topP = topP
    state = Self.usable(seed)
  }

  /// Starts the generator again.
  public mutating func reseed(_ seed: UInt64) { state = Self.usable(seed) }

  private static func usable(_ seed: UInt64) -> UInt64 { seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed }

  /// Draws a token among the first `count` logits; `position` is only for the error text.
  ///
  /// - Throws: ``InferenceError/damagedLogits(position:)`` when a logit is NaN or infinite.
  public mutating func sample(
    _ logits: UnsafeBufferPointer<Float>, count: Int, position: Int
  ) throws -> TokenID {
    let logits = UnsafeBufferPointer(rebasing: logits[..<min(count, logits.count)])
    let best = Self.mostLikely(logits)
    guard best < logits.count else { throw InferenceError.damagedLogits(position: position) }
    if temperature < 1e-6 { return TokenID(best) }
    softmax(logits)
    let coin = nextUnitFloat()
    return topP <= 0 || topP >= 1 ? drawFromAll(coin) : drawFromNucleus(coin) ?? TokenID(best)
  }

  /// The first of the highest values; their count when one is NaN or infinite.
  private static func mostLikely(_ values: UnsafeBufferPointer<Float>) -> Int {
    guard let base = values.baseAddress else { return 0 }
    return lck_kernels_best().pointee.argmax(base, values.count)
  }

  private mutating func softmax(_ logits: UnsafeBufferPointer<Float>) {
    probabilities.removeAll(keepingCapacity: true)
    probabilities.append(contentsOf: logits.lazy.map { [temperature] in $0 / temperature })
    probabilities.withUnsafeMutableBufferPointer { values in
      guard let base = values.baseAddress else { return }
      // All kernels give the same bits, so this need not be the engine's.
      lck_kernels_best().pointee.softmax(base, values.count)
    }
  }

  private func drawFromAll(_ coin: Float) -> TokenID {
    var cumulative: Float = 0
    for (token, probability) in probabilities.enumerated() {
      cumulative += probability
      if coin < cumulative { return TokenID(token) }
    }
    return TokenID(probabilities.count - 1)
  }

  /// Draws among the fewest tokens whose probabilities add up to more than ``topP``.
  ///
  /// - Returns: `nil` when that is less than the most likely token: with a mass below 1 / count it can
  ///   miss the cut-off.
  private mutating func drawFromNucleus(_ coin: Float) -> TokenID? {
    // A token below this can never be part of the nucleus.
    let cutoff = (1 - topP) / Float(max(1, probabilities.count - 1))
    nucleus.removeAll(keepingCapacity: true)
    for (token, probability) in probabilities.enumerated() where probability >= cutoff {
      nucleus.append(Candidate(probability: probability, token: TokenID(token)))
    }
    guard !nucleus.isEmpty else { return nil }
    nucleus.sort {
      $0.probability != $1.probability ? $0.probability > $1.probability : $0.token < $1.token
    }
    var mass: Float = 0
    var last = nucleus.count - 1
    for (i, candidate) in nucleus.enumerated() {
      mass += candidate.probability
      if mass > topP {
        last = i
        break
      }
    }
    let target = coin * mass
    var cumulative: Float = 0
    for candidate in nucleus[...last] {
      cumulative += candidate.probability
      if target < cumulative { return candidate.token }
    }
    return nucleus[last].token
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
