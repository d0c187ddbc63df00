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
    /// Bytes of weights, keys and values that a decoded token reads, on average.
    public let bytesPerToken: Int
    /// Kernels that a device was given for each call; 0 for the processors.
    public var launchesPerToken = 0.0

    /// Bytes read per second while decoding.
    public var bytesPerSecond: Double { tokensPerSecond * Double(bytesPerToken) }
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
    try cache.occupy(depth)
    func decode(_ range: Range<Int>) throws {
      for i in range {
        _ = try engine.forward(CollectionOfOne(token(i)), cache: cache)
      }
    }
    try decode(0..<warmUp)
    let launches = engine.backend.launches
    let time = try ContinuousClock().measure { try decode(warmUp..<warmUp + tokens) }
    var speed = speed(
      tokens, depth: depth, time, reading: cache.bytesRead(at: cache.count - tokens / 2))
    speed.launchesPerToken = Double(engine.backend.launches - launches) / Double(max(1, tokens))
    return speed
  }

  /// Decodes `steps` times at the end of a cache, each time into the row behind what it holds, which stays
  /// as it is.
  ///
  /// - Parameters:
  ///   - cache: Has room for one token more.
  ///   - interrupt: Polled between layers.
  ///   - progress: Told of each step done.
  /// - Throws: ``Interrupted``; ``InferenceError`` when there is no room.
  public func decode(
    steps: Int, atEndOf cache: KVCache, interrupt: InterruptFlag? = nil,
    progress: (Int) -> Void = { _ in }
  ) throws -> Speed {
    let depth = cache.count
    defer { cache.truncate(to: depth) }
    func step(_ index: Int) throws {
      cache.truncate(to: depth)
      _ = try engine.forward(CollectionOfOne(token(index)), cache: cache, interrupt: interrupt)
    }
    // Pages and threads are warm after a token.
    try step(0)
    let time = try ContinuousClock().measure {
      for index in 0..<steps {
        try step(index)
        progress(index + 1)
      }
    }
    return speed(steps, depth: depth, time, reading: cache.bytesRead(at: depth + 1))
  }

  /// Bytes per second at which the engine's threads read the mapped weights: the best of some passes.
  ///
  /// - Parameter interrupt: Polled every quarter of a gigabyte.
  /// - Throws: ``Interrupted``.
  public func readBandwidth(interrupt: InterruptFlag? = nil) throws -> Double {
    let weights = engine.model.checkpoint.bytes.prefix(engine.model.checkpoint.layout.weightsEnd)
    // Small models would come from the cache in no time: read a gigabyte at least.
    let repeats = max(1, 1_000_000_000 / max(1, weights.count))
    let part = 1 << 28
    var best = Duration.seconds(Int.max >> 1)
    for _ in 0..<4 {
      let time = try ContinuousClock().measure {
        for _ in 0..<repeats {
          for start in stride(from: weights.startIndex, to: weights.endIndex, by: part) {
            if interrupt?.isRaised == true { throw Interrupted() }
            let end = min(start + part, weights.endIndex)
            engine.cpu.read(UnsafeRawBufferPointer(rebasing: weights[start..<end]))
          }
        }
      }
      best = min(best, time)
    }
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
        operations = engine.cpu.multiplyAddInRegisters(rounds: rounds)
      }
      if let operations { best = max(best ?? 0, Double(operations) / (time / .seconds(1))) }
    }
    return best
  }

  /// Seconds that sharing out a job and waiting for it takes.
  public func barrierSeconds() -> Double {
    let jobs = 20_000
    let time = ContinuousClock().measure {
      for _ in 0..<jobs { engine.cpu.shareOutNothing() }
    }
    return time / .seconds(1) / Double(jobs)
  }

  private func makeCache(capacity: Int) throws -> KVCache {
    try engine.makeCache(capacity: capacity, type: kvType)
  }

  /// Some id, spread over the vocabulary.
  func token(_ index: Int) -> TokenID {
    TokenID((index * 7919 + 13) % engine.model.config.vocabSize)
  }

  /// - Parameter bytes: What a token reads of keys and values.
  private func speed(
    _ tokens: Int, depth: Int, _ time: Duration, reading bytes: Int = 0
  ) -> Speed {
    Speed(
      tokens: tokens, depth: depth, threads: engine.threads,
      tokensPerSecond: Double(tokens) / (time / .seconds(1)),
      bytesPerToken: engine.bytesPerToken + bytes)
  }
}
