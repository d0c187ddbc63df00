import Tokenization

/// Finds by trial how many threads decode fastest on this machine, now, with this model.
public struct ThreadTuning: Sendable {
  /// A number of threads and the best speed seen with it.
  public struct Trial: Sendable {
    /// Threads in use.
    public let threads: Int
    /// Tokens per second.
    public let tokensPerSecond: Double
  }

  /// A trial for 1, 2, … processors, in this order.
  public let trials: [Trial]

  /// The fewest threads that are as good as the fastest: within 3 %, which is less than speeds vary.
  public var chosen: Int {
    let best = trials.map(\.tokensPerSecond).max() ?? 0
    return trials.first { $0.tokensPerSecond >= best * 0.97 }?.threads ?? 1
  }

  private static let rounds = 3
  /// Tokens of a trial in one round, at most.
  private static let tokens = 32
  /// How long all trials take, at most, if each can do with more than a token.
  private static let time = Duration.seconds(1)

  init(trials: [Trial]) { self.trials = trials }

  /// Decodes a few tokens with each number of threads, in a cache of its own, and keeps the best number.
  ///
  /// Takes about a second; longer only where that is too short for one token each.
  ///
  /// - Parameters:
  ///   - engine: Gets the number chosen; keeps the one it has when this throws.
  ///   - interrupt: Polled between layers.
  /// - Throws: ``Interrupted``; ``InferenceError`` for want of memory or threads.
  public init(engine: Engine, interrupt: InterruptFlag? = nil) throws {
    let before = engine.threads
    do {
      trials = try Self.trials(engine, interrupt)
      try engine.resize(threads: chosen)
    } catch {
      try engine.resize(threads: before)
      throw error
    }
  }

  private static func trials(_ engine: Engine, _ interrupt: InterruptFlag?) throws -> [Trial] {
    let cache = try engine.makeCache(capacity: tokens)
    let counts = Array(1...Processors.available)
    let share = time / (rounds * counts.count)
    var best = [Double](repeating: 0, count: counts.count)
    // Pages and caches are warm after a token.
    _ = try speed(engine, cache, within: .zero, interrupt)
    let start = ContinuousClock.now
    // Rounds, so that a slow moment of the machine does not speak against one number alone.
    for round in 0..<rounds where round == 0 || ContinuousClock.now - start < time {
      for (index, count) in counts.enumerated() {
        try engine.resize(threads: count)
        best[index] = max(best[index], try speed(engine, cache, within: share, interrupt))
      }
    }
    return zip(counts, best).map { Trial(threads: $0, tokensPerSecond: $1) }
  }

  /// Tokens per second of decoding for a while, one token at least.
  private static func speed(
    _ engine: Engine, _ cache: KVCache, within limit: Duration, _ interrupt: InterruptFlag?
  ) throws -> Double {
    cache.truncate(to: 0)
    let benchmark = Benchmark(engine: engine)
    let start = ContinuousClock.now
    var time = Duration.zero
    repeat {
      _ = try engine.forward(
        CollectionOfOne(benchmark.token(cache.count)), cache: cache, interrupt: interrupt)
      time = ContinuousClock.now - start
    } while time < limit && cache.count < tokens
    return Double(cache.count) / (time / .seconds(1))
  }
}
