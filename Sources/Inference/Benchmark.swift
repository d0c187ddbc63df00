import CKernels
import ModelFile
import Tokenization

/// Measures an engine's speed beside the limits of the machine it runs on, in the same minute.
public struct Benchmark {
  /// A measured speed.
  public struct Speed: Sendable {
    /// Tokens read or decoded.
    public let tokens: Int
    /// Tokens in the cache before.
    public let depth: Int
    /// Threads in use.
    public let threads: Int
    /// Tokens per second.
    public let tokensPerSecond: Double
  }

  /// The engine to measure; its number of threads can change between calls.
  public let engine: Engine

  /// How keys and values are kept.
  public let kvType: KVType

  /// Prepares to measure an engine.
  public init(engine: Engine, kvType: KVType = .f32) {
    self.engine = engine
    self.kvType = kvType
  }

  /// Reads a prompt of `tokens` tokens.
  ///
  /// - Throws: ``InferenceError`` when the cache does not fit into memory.
  public func prefill(tokens: Int) throws -> Speed {
    let cache = try makeCache(capacity: max(1, tokens))
    let prompt = (0..<tokens).map(token)
    // Pages and threads are warm after a few tokens.
    _ = try engine.forward(prompt.prefix(8), cache: cache)
    cache.truncate(to: 0)
    let time = try ContinuousClock().measure {
      _ = try engine.forward(prompt, cache: cache)
    }
    return speed(tokens, depth: 0, time)
  }

  /// Decodes `tokens` tokens, one by one, after `depth` others.
  ///
  /// - Throws: ``InferenceError`` when the cache does not fit into memory.
  public func decode(tokens: Int, depth: Int = 0) throws -> Speed {
    let warmUp = 2
    let cache = try makeCache(capacity: depth + tokens + warmUp)
    cache.occupy(depth)
    func decode(_ range: Range<Int>) throws {
      for i in range {
        _ = try engine.forward(CollectionOfOne(token(i)), cache: cache)
      }
    }
    try decode(0..<warmUp)
    let time = try ContinuousClock().measure { try decode(warmUp..<warmUp + tokens) }
    return speed(tokens, depth: depth, time)
  }

  /// Bytes per second at which the engine's threads read the mapped weights: the best of some passes.
  public func readBandwidth() -> Double {
    let weights = engine.model.checkpoint.bytes.prefix(engine.model.checkpoint.layout.weightsEnd)
    // Small models would come from the cache in no time: read a gigabyte at least.
    let repeats = max(1, 1_000_000_000 / max(1, weights.count))
    let passes = (0..<4).map { _ in
      ContinuousClock().measure {
        for _ in 0..<repeats { engine.read(UnsafeRawBufferPointer(rebasing: weights)) }
      }
    }
    let best = passes.min() ?? .zero
    return best > .zero ? Double(weights.count * repeats) / (best / .seconds(1)) : 0
  }

  /// Multiply-adds per second that the engine's threads can do in registers, in the model's arithmetic: the
  /// best of some passes; `nil` where the kernels in use have no such loop.
  public func arithmeticPeak() -> Double? {
    // About a millisecond a pass: long enough that a sleeping thread wakes up and does its share.
    let rounds = 300_000
    var best = Double?.none
    for _ in 0..<20 {
      var operations: Int?
      let time = ContinuousClock().measure {
        operations = engine.multiplyAddInRegisters(rounds: rounds)
      }
      if let operations { best = max(best ?? 0, Double(operations) / (time / .seconds(1))) }
    }
    return best
  }

  /// Seconds that sharing out a job and waiting for it takes.
  public func barrierSeconds() -> Double {
    let jobs = 20_000
    let time = ContinuousClock().measure {
      for _ in 0..<jobs { engine.shareOutNothing() }
    }
    return time / .seconds(1) / Double(jobs)
  }

  private func makeCache(capacity: Int) throws -> KVCache {
    try KVCache(config: engine.model.config, capacity: capacity, type: kvType)
  }

  /// Some id, spread over the vocabulary.
  func token(_ index: Int) -> TokenID {
    TokenID((index * 7919 + 13) % engine.model.config.vocabSize)
  }

  private func speed(_ tokens: Int, depth: Int, _ time: Duration) -> Speed {
    Speed(
      tokens: tokens, depth: depth, threads: engine.threads,
      tokensPerSecond: Double(tokens) / (time / .seconds(1)))
  }
}
