import Inference
import ModelFile
import Tokenization

/// Tokens that a thread of its own reads into the cache while the user types.
///
/// Safe to share: until ``stop()`` has returned, its thread alone uses the engine and the cache.
final class ReadAhead: @unchecked Sendable {
  private let tokens: [TokenID]
  private let engine: Engine
  private let cache: KVCache
  private let interrupt = InterruptFlag()
  private var thread: BackgroundThread?
  private var done = 0
  private var time = Duration.zero

  /// Tokens of a pass: what is lost at most when the user sends the message in the midst of one.
  private static let batch = 16

  /// Begins to read `tokens` at the cache's end; `nil` when no thread can be started.
  init?(_ tokens: [TokenID], engine: Engine, cache: KVCache) {
    self.tokens = tokens
    self.engine = engine
    self.cache = cache
    guard let thread = BackgroundThread({ [self] in run() }) else { return nil }
    self.thread = thread
  }

  private func run() {
    let start = ContinuousClock.now
    while done < tokens.count {
      let batch = tokens[done..<min(done + Self.batch, tokens.count)]
      // What fails here fails again for the reply, which says so.
      guard (try? engine.fill(cache, with: batch, interrupt: interrupt)) != nil else { return }
      done += batch.count
      time = ContinuousClock.now - start
    }
  }

  /// Stops it after the layer it is in, and waits for that.
  ///
  /// - Returns: Tokens read per second; `nil` when there were too few to tell.
  func stop() -> Double? {
    interrupt.raise()
    thread?.join()
    thread = nil
    return done >= 8 && time > .zero ? Double(done) / time.inSeconds : nil
  }
}

extension Conversation {
  /// Begins to read what the prompt of any next message begins with, as far as the cache does not hold
  /// it: the system prompt, the turns, the template's opening of a question.
  ///
  /// Engine and cache must not be used until ``stopReadingAhead()``. What is read this way is read by the next
  /// reply no more; what the reply says does not depend on it.
  ///
  /// - Parameter mayForget: Whether tokens in the cache that the next prompt does not have may go.
  public func startReadingAhead(mayForget: Bool) {
    stopReadingAhead()
    let known = knownPrompt
    let common = cache.commonPrefix(with: known)
    // With less room the next message will have turns left out, and the rest read anew.
    guard common < known.count, known.count + preferredReserve <= capacity else { return }
    guard common == cache.count || mayForget && !isUnfinished else { return }
    cache.truncate(to: common)
    readAheadStart = min(readAheadStart ?? common, common)
    readAhead = ReadAhead(Array(known[common...]), engine: engine, cache: cache)
  }

  /// Stops what ``startReadingAhead(mayForget:)`` began; what was read stays in the cache.
  public func stopReadingAhead() {
    let speed = readAhead?.stop()
    readAhead = nil
    // In small batches reading is slower than for a reply; better than no idea.
    readingSpeed = readingSpeed ?? speed
  }

  /// Whether what is cached beyond the chat can be gone on with: a reply that was cut, or the message whose
  /// reading was stopped, as long as its own tokens are there.
  private var isUnfinished: Bool {
    if turns.last?.reply?.isCut ?? false { return true }
    guard let stoppedQuestion else { return false }
    let prompt = template.encode(system: system, turns: turns, pending: stoppedQuestion)
    return cache.commonPrefix(with: prompt) == cache.count
  }

  /// What the prompts of all messages share: unlike ones are tried, because a message's first character
  /// may become one token with what is before it.
  private var knownPrompt: [TokenID] {
    let prompt = template.encode(system: system, turns: turns, pending: "x")
    let other = template.encode(system: system, turns: turns, pending: "1")
    return Array(prompt.prefix(zip(prompt, other).prefix { $0 == $1 }.count))
  }
}

extension TurnStatistics {
  /// Tells what was read while the message was typed from what was read long before.
  mutating func noteReadAhead(from start: Int?) {
    guard let start, start < cached else { return }
    readAhead = cached - start
    cached = start
  }
}
