import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile

/// `llama-chat bench`: prefill and decode speed, beside the machine's own read bandwidth.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure prefill and decode speed.",
    discussion: """
      Decoding reads every weight once a token, so its limit is how fast memory can be read: that is \
      measured in the same run, with the same threads, over the same mapped file.
      """)

  @Argument(help: "The model file.", completion: .file())
  var model: String

  @Option(
    name: [.customShort("j"), .long],
    help: "Numbers of threads to measure, as in 1,2 (default: the processors of this machine).")
  var threads: NumberList?

  @Option(help: "Tokens of the prompt; 0 measures no prefill.")
  var prompt = 512

  @Option(help: "Tokens to decode; 0 measures no decoding.")
  var generate = 64

  @Option(help: "Context depths to decode at, as in 0,2000.")
  var depth = NumberList(values: [0])

  @Option(help: KVType.automaticHelp)
  var kv: KVType?

  @Flag(help: "One JSON object a line.")
  var json = false

  func validate() throws {
    let counts =
      [("--prompt", prompt), ("--generate", generate)] + depth.values.map { ("--depth", $0) }
    // No context is longer, and sums of these stay far from overflowing.
    let most = Int(Int32.max)
    for (name, value) in counts where !(0...most).contains(value) {
      throw ValidationError("\(name): must be 0…\(most), got \(value)")
    }
  }

  func run() throws {
    try Signals.install()
    let checkpoint = try Checkpoint(path: model)
    let threadCounts = threads?.values ?? [Processors.available]
    let engine = try Engine(
      model: Model(checkpoint: checkpoint), threads: threadCounts.first ?? 1)
    let benchmark = Benchmark(engine: engine, kvType: kv ?? .automatic(for: checkpoint.format))
    if !json { try writeResult(heading(benchmark)) }
    for count in threadCounts {
      try engine.resize(threads: count)
      try measure(benchmark)
    }
  }

  /// Every test with the engine's number of threads.
  private func measure(_ benchmark: Benchmark) throws {
    if prompt > 0 {
      try report("prefill", try benchmark.prefill(tokens: prompt))
    }
    guard generate > 0 else { return }
    let barrier = benchmark.barrierSeconds()
    for (index, depth) in depth.values.enumerated() {
      // The limit is measured again each time: on a shared machine it moves.
      let bandwidth = benchmark.readBandwidth()
      let speed = try benchmark.decode(tokens: generate, depth: depth)
      try report(
        index == 0 ? "decode" : "decode_deep", speed,
        limits: Limits(
          bytesPerToken: benchmark.engine.model.bytesPerToken, bandwidth: bandwidth,
          barrier: barrier))
    }
  }

  /// What decoding is measured against.
  private struct Limits {
    let bytesPerToken: Int
    /// Bytes per second.
    let bandwidth: Double
    /// Seconds.
    let barrier: Double
  }

  private func heading(_ benchmark: Benchmark) -> String {
    let engine = benchmark.engine
    let name = visible(model, singleLine: true)
    let bytes = SizeText.bytes(engine.model.bytesPerToken)
    return """
      \(name) · \(engine.model.checkpoint.format.summary) · \(bytes) a token · \
      KV \(benchmark.kvType.rawValue) · \(engine.instructionSet) · \(counted(Processors.available, "processor"))
      threads  test            depth    tok/s     GB/s  machine reads  share  barrier

      """
  }

  private func report(_ test: String, _ speed: Benchmark.Speed, limits: Limits? = nil) throws {
    let rate = limits.map { speed.tokensPerSecond * Double($0.bytesPerToken) }
    guard json else {
      var row = String(
        format: "%7d  %-14@  %6d  %7.2f", speed.threads, "\(test) \(speed.tokens)" as NSString,
        speed.depth, speed.tokensPerSecond)
      if let limits, let rate {
        row += String(
          format: "  %7.1f  %8.1f GB/s  %4.0f%%  %4.1f µs", rate / 1e9, limits.bandwidth / 1e9,
          100 * rate / limits.bandwidth, limits.barrier * 1e6)
      }
      return try writeResult(row + "\n")
    }
    let line = Line(
      test: test, tokens: speed.tokens, depth: speed.depth, threads: speed.threads,
      tokensPerSecond: speed.tokensPerSecond, bytesPerToken: limits?.bytesPerToken,
      readBytesPerSecond: limits?.bandwidth,
      shareOfReadBandwidth: limits.flatMap { limits in
        rate.map { $0 / limits.bandwidth }
      }, barrierSeconds: limits?.barrier)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = .sortedKeys
    try writeResult(String(decoding: try encoder.encode(line), as: UTF8.self) + "\n")
  }

  /// What `--json` prints.
  private struct Line: Encodable {
    let test: String
    let tokens: Int
    let depth: Int
    let threads: Int
    let tokensPerSecond: Double
    let bytesPerToken: Int?
    let readBytesPerSecond: Double?
    let shareOfReadBandwidth: Double?
    let barrierSeconds: Double?
  }
}

/// Whole numbers with commas between them: `1,2`.
struct NumberList: ExpressibleByArgument {
  let values: [Int]

  init(values: [Int]) { self.values = values }

  init?(argument: String) {
    let fields = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = fields.compactMap { Int($0) }.filter { $0 >= 0 }
    if values.count != fields.count { return nil }
  }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
