import Tokenization

/// Logits to a token: greedy, or temperature and top-p with a seeded generator.
///
/// The generator and the order of ties are llama2.c's, so the same seed gives the same text as `run`.
public struct Sampler: Sendable {
  /// 0 is greedy; otherwise logits are divided by it.
  public var temperature: Float
  /// Nucleus mass; 0 or less, or 1 or more, is off (run.c).
  public var topP: Float
  /// The generator's state, which starts as the seed.
  public private(set) var state: UInt64

  /// A sampler; seed 0 is replaced because xorshift stays at 0.
  public init(temperature: Float, topP: Float, seed: UInt64) {
    self.temperature = temperature
    self.topP = topP
    self.state = seed
  }

  /// Starts the generator again.
  public mutating func reseed(_ seed: UInt64) {}

  /// Draws a token among the first `count` logits; `position` is only for the error text.
  ///
  /// - Throws: ``InferenceError/damagedLogits(position:)``.
  public mutating func sample(
    _ logits: UnsafeBufferPointer<Float>, count: Int, position: Int
  ) throws -> TokenID {
    fatalError("skeleton")
  }
}
