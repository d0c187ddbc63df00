import Inference
import ModelFile

extension Repl {
  private static let benchSteps = 1...256

  /// `:bench [N]`: how fast tokens are decoded here and now, beside how fast this machine reads memory.
  func bench(_ text: String) throws {
    guard let steps = text.isEmpty ? 32 : Int(text), Self.benchSteps.contains(steps) else {
      throw CommandError("bench", "must be 1…\(Self.benchSteps.upperBound) steps, got \"\(text)\"")
    }
    let (engine, cache) = (conversation.engine, conversation.cache)
    guard cache.count < cache.capacity else {
      throw CommandError(
        "bench",
        "no room for one more token (\(cache.count)/\(cache.capacity)); :undo and ask again, or :clear"
      )
    }
    interrupt.clear()
    defer { output.progress(nil) }
    do {
      let benchmark = Benchmark(engine: engine, kvType: cache.type)
      guard engine.usesCPU else {
        let speed = try benchmark.decode(steps: steps, atEndOf: cache, interrupt: interrupt) {
          output.progress("step \($0)/\(steps)")
        }
        output.progress(nil)
        return output.notice(
          "\(counted(speed.tokens, "step")) at position \(SizeText.grouped(speed.depth)), "
            + "\(engine.device): \(rounded(speed.tokensPerSecond)) tok/s")
      }
      output.progress("measuring how fast this machine reads")
      let limit = try benchmark.readBandwidth(interrupt: interrupt)
      let speed = try benchmark.decode(steps: steps, atEndOf: cache, interrupt: interrupt) {
        output.progress("step \($0)/\(steps)")
      }
      speedByThreads[speed.threads] = speed.tokensPerSecond
      output.progress(nil)
      output.notice(Self.report(speed, limit: limit))
    } catch let stop as Interrupted {
      guard mode == .interactive else { throw stop }
      output.progress(nil)
      output.notice("stopped; nothing changed")
    }
  }

  private static func report(_ speed: Benchmark.Speed, limit: Double) -> String {
    let share = limit > 0 ? percent(speed.bytesPerSecond / limit) : "–"
    return """
      \(counted(speed.tokens, "step")) at position \(SizeText.grouped(speed.depth)), \
      \(counted(speed.threads, "thread")): \(rounded(speed.tokensPerSecond)) tok/s, \
      \(seconds(1 / speed.tokensPerSecond)) a token
      \(SizeText.bytes(speed.bytesPerToken)) a token: \(rounded(speed.bytesPerSecond / 1e9)) GB/s, \
      \(share) of the \(rounded(limit / 1e9)) GB/s these threads read from the same file
      """
  }
}
