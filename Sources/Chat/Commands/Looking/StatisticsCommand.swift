import Inference
import ModelFile

extension Repl {
  /// `:stats`: speed over all replies of this session, or the line after each.
  func stats(_ text: String) throws {
    guard text.isEmpty else { return try setting(.stats, text) }
    let line = "the line after each reply is \(conversation.settings.text(of: .stats))"
    guard !statistics.isEmpty else { return output.notice("no replies yet; \(line)") }
    let summary = StatisticsSummary(turns: statistics)
    output.notice("\(summary.table)\n\(memoryRows)\n\(line)")
  }

  private var memoryRows: String {
    let cache = conversation.cache
    let model = conversation.engine.model.checkpoint.fileSize
    let process = [
      ProcessMemory.resident.map { "\(SizeText.bytes($0)) now" },
      ProcessMemory.peak.map { "\(SizeText.bytes($0)) at most" },
      "\(SizeText.bytes(model)) of model mapped",
    ].compactMap(\.self).joined(separator: ", ")
    let kept = "\(SizeText.bytes(cache.usedBytes)) of \(SizeText.bytes(cache.byteCount))"
    return StatisticsSummary.row("memory", process) + "\n"
      + StatisticsSummary.row("kv cache", "\(kept), \(counted(cache.count, "token"))")
  }
}

/// What all replies of a session took, as a table.
struct StatisticsSummary {
  let turns: [TurnStatistics]

  /// Speeds and times with what half of the replies and 95 of 100 did no worse than.
  var table: String {
    let generated = turns.reduce(0) { $0 + $1.generated }
    let replies = "\(turns.count) \(turns.count == 1 ? "reply" : "replies")"
    let read = turns.reduce(0) { $0 + $1.read }
    let readAhead = turns.reduce(0) { $0 + $1.readAhead }
    let cached = turns.reduce(0) { $0 + $1.cached }
    let share = Double(cached) / Double(max(1, read + readAhead + cached))
    let ahead = readAhead > 0 ? ", \(SizeText.grouped(readAhead)) ahead" : ""
    let time = seconds(turns.reduce(0) { $0 + $1.decodeSeconds })
    return [
      "\(replies) · \(counted(generated, "token")) in \(time)",
      Self.columns("", "p50", "p95"),
      spread("decode", turns.compactMap(\.tokensPerSecond), isTime: false) {
        rounded($0) + " tok/s"
      },
      spread("bandwidth", turns.compactMap(\.gigabytesPerSecond), isTime: false) {
        rounded($0) + " GB/s"
      },
      spread("prefill", turns.compactMap(\.readPerSecond), isTime: false) {
        rounded($0) + " tok/s"
      },
      spread("first token", turns.map(\.firstTokenSeconds), isTime: true, seconds),
      Self.row(
        "prompts",
        "\(counted(read, "token")) read\(ahead), \(SizeText.grouped(cached)) from the cache "
          + "(\(percent(share)))"
      ),
    ].joined(separator: "\n")
  }

  private func spread(
    _ name: String, _ values: [Double], isTime: Bool, _ text: (Double) -> String
  ) -> String {
    let half = Self.percentile(50, of: values, isTime: isTime).map(text) ?? "–"
    let most = Self.percentile(95, of: values, isTime: isTime).map(text) ?? "–"
    return Self.columns(name, half, most)
  }

  /// What so many of 100 values are no worse than: times no longer, speeds no lower.
  static func percentile(_ share: Int, of values: [Double], isTime: Bool) -> Double? {
    let best = values.sorted(by: isTime ? (<) : (>))
    let rank = (best.count * share + 99) / 100
    return best.isEmpty ? nil : best[max(1, rank) - 1]
  }

  /// A row of the table.
  static func row(_ name: String, _ text: String) -> String { padded(name, to: 13) + text }

  private static func columns(_ name: String, _ first: String, _ second: String) -> String {
    row(name, padded(first, to: 13) + second)
  }
}
