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
      // What a device reads at is not this machine's to measure.
      var limit: Double?
      if engine.usesCPU {
        output.progress("measuring how fast this machine reads")
        limit = try benchmark.readBandwidth(interrupt: interrupt)
      }
      let speed = try benchmark.decode(steps: steps, atEndOf: cache, interrupt: interrupt) {
        output.progress("step \($0)/\(steps)")
      }
      if engine.usesCPU { speedByThreads[speed.threads] = speed.tokensPerSecond }
      output.progress(nil)
      output.notice(Self.report(speed, on: engine.device, limit: limit))
    } catch let stop as Interrupted {
      guard mode == .interactive else { throw stop }
      output.progress(nil)
      output.notice("stopped; nothing changed")
    }
  }

  private static func report(
    _ speed: Benchmark.Speed, on device: String, limit: Double?
  ) -> String {
    let start = "\(counted(speed.tokens, "step")) at position \(SizeText.grouped(speed.depth)), "
    let rate = "\(rounded(speed.tokensPerSecond)) tok/s"
    guard let limit else { return start + "\(device): \(rate)" }
    let share = limit > 0 ? percent(speed.bytesPerSecond / limit) : "–"
    return """
      \(start)\(counted(speed.threads, "thread")): \(rate), \
      \(seconds(1 / speed.tokensPerSecond)) a token
      \(SizeText.bytes(speed.bytesPerToken)) a token: \(rounded(speed.bytesPerSecond / 1e9)) GB/s, \
      \(share) of the \(rounded(limit / 1e9)) GB/s these threads read from the same file
      """
  }
}
