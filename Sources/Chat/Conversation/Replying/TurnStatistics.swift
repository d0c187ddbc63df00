/// What a reply took: the value a reply ends with.
public struct TurnStatistics: Hashable, Sendable {
  /// Why a reply ended.
  public enum Ending: Hashable, Sendable {
    /// The model ended it.
    case stopToken
    /// It reached the `max` setting.
    case limit
    /// It reached the end of the context.
    case contextEnd
    /// The user stopped it.
    case interrupted
  }

  /// Prompt tokens read for this reply.
  public var read: Int
  /// Prompt tokens that were read before the message was sent, while it was typed.
  public var readAhead = 0
  /// Prompt tokens that were in the cache already.
  public var cached: Int
  /// Tokens of the reply, without the one that ended it.
  public var generated = 0
  /// Time to read the prompt, in seconds.
  public var prefillSeconds = 0.0
  /// Time from the message to the first token, in seconds.
  public var firstTokenSeconds = 0.0
  /// Tokens decoded one by one after the first.
  public var decodeSteps = 0
  /// Time from the first token to the last, in seconds.
  public var decodeSeconds = 0.0
  /// Bytes of weights read for one decoded token.
  public var bytesPerToken: Int
  /// Bytes of keys and values read for all tokens decoded after the first.
  public var cacheBytes = 0
  /// Tokens the chat takes, this turn included.
  public var contextUsed = 0
  /// Tokens the context holds.
  public var contextCapacity: Int
  /// Threads in use at the end.
  public var threads: Int
  /// What was turned meanwhile.
  public var changes: [KnobChange] = []
  /// What computed: `cpu`, `gpu:0`.
  public var device = "cpu"
  /// Why it ended.
  public var ending = Ending.stopToken

  init(read: Int, cached: Int, bytesPerToken: Int, contextCapacity: Int, threads: Int) {
    self.read = read
    self.cached = cached
    self.bytesPerToken = bytesPerToken
    self.contextCapacity = contextCapacity
    self.threads = threads
  }

  /// Decoded tokens per second; `nil` when there were none to measure.
  public var tokensPerSecond: Double? {
    decodeSteps > 0 && decodeSeconds > 0 ? Double(decodeSteps) / decodeSeconds : nil
  }

  /// Weights, keys and values read per second while decoding, in 10⁹ bytes.
  public var gigabytesPerSecond: Double? {
    guard decodeSteps > 0, decodeSeconds > 0 else { return nil }
    let bytes = Double(decodeSteps) * Double(bytesPerToken) + Double(cacheBytes)
    return bytes / decodeSeconds / 1e9
  }

  /// Prompt tokens read per second; `nil` when there were too few to measure: a single token is as slow
  /// to read as to decode.
  public var readPerSecond: Double? {
    read >= 8 && prefillSeconds > 0 ? Double(read) / prefillSeconds : nil
  }

  /// One line for people:
  /// `142 tok · 9.3 tok/s (66 GB/s) · first token 1.4 s: 22 read, 312 cached · ctx 740/2048 · 8 threads`,
  /// and what was turned meanwhile: `threads 4→6 at token 35`.
  public var line: String {
    var parts = ["\(generated) tok"]
    if let tokensPerSecond, let gigabytesPerSecond {
      parts.append("\(rounded(tokensPerSecond)) tok/s (\(rounded(gigabytesPerSecond)) GB/s)")
    }
    let ahead = readAhead > 0 ? ", \(readAhead) ahead" : ""
    let first = seconds(firstTokenSeconds)
    parts.append("first token \(first): \(read) read\(ahead), \(cached) cached")
    parts.append("ctx \(contextUsed)/\(contextCapacity)")
    parts.append(device == "cpu" ? counted(threads, "thread") : device)
    parts += changes.summary
    return parts.joined(separator: " · ")
  }
}

/// What happens during a reply.
public enum ReplyEvent: Hashable, Sendable {
  /// Oldest turns were left out to make room: their numbers, their tokens, and how many tokens of the
  /// rest must be read again.
  case dropped(turns: ClosedRange<Int>, tokens: Int, rereading: Int)
  /// Prompt tokens read so far, and to read in all.
  case reading(done: Int, total: Int)
  /// A piece of the reply: whole code points.
  case text(String)
  /// A knob was turned; acts from the next token.
  case turned(KnobChange)
}
