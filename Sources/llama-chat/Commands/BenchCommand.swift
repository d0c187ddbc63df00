import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile
import OpenCLDevice

/// `llama-chat bench`: prefill and decode speed, beside the machine's own read bandwidth.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure prefill and decode speed.",
    discussion: """
      Decoding reads every weight once a token, so its limit is how fast memory can be read; reading a prompt \
      is bound by multiplying and adding. Both limits are measured in the same run, with the same threads: \
      reading over the same mapped file, arithmetic in registers alone.
      """)

  @Argument(
    help: "The model, as for chat: a file, any model that `convert` reads, or a name.",
    completion: .file(extensions: ModelOptions.endings))
  var model: String

  @Flag(help: "Convert a model of another format without asking.")
  var yes = false

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

  @OptionGroup var device: DeviceOptions

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
    let path = try ModelChoice().path(named: model)
    let file = try ConvertedModels(isConfirmed: yes, tokenizer: nil).modelFile(for: path)
    try Signals.install()
    let checkpoint = try Checkpoint(path: file)
    let threadCounts = threads?.values ?? [Processors.available]
    let engine = try Engine(
      model: Model(checkpoint: checkpoint), threads: threadCounts.first ?? 1)
    try device.apply(to: engine)
    let benchmark = Benchmark(engine: engine, kvType: kv ?? .automatic(for: checkpoint.format))
    if !json { try writeResult(heading(benchmark)) }
    // A device has no threads of ours to count.
    for count in engine.usesCPU ? threadCounts : [1] {
      try engine.resize(threads: count)
      try measure(benchmark)
    }
  }

  /// Every test with the engine's number of threads.
  ///
  /// Limits are measured again each time: on a shared machine they move.
  private func measure(_ benchmark: Benchmark) throws {
    let (model, usesCPU) = (benchmark.engine.model, benchmark.engine.usesCPU)
    if prompt > 0 {
      // How fast a device could be is not known.
      let peak = usesCPU ? benchmark.arithmeticPeak() : nil
      let speed = try benchmark.prefill(tokens: prompt)
      try report(
        Row(
          test: "prefill", speed: speed, unit: "GMAC/s", limit: peak,
          rate: speed.tokensPerSecond * Double(model.multiplyAddsPerToken)))
    }
    guard generate > 0 else { return }
    let barrier = usesCPU ? benchmark.barrierSeconds() : nil
    for (index, depth) in depth.values.enumerated() {
      let bandwidth = usesCPU ? try benchmark.readBandwidth() : nil
      let speed = try benchmark.decode(tokens: generate, depth: depth)
      try report(
        Row(
          test: index == 0 ? "decode" : "decode_deep", speed: speed, unit: "GB/s", limit: bandwidth,
          rate: speed.bytesPerSecond, bytesPerToken: speed.bytesPerToken, barrier: barrier))
    }
  }

  /// A measured speed, and the limit it is measured against.
  private struct Row {
    let test: String
    let speed: Benchmark.Speed
    let unit: String
    /// Multiply-adds or bytes per second that the machine can do; `nil` where that is not known.
    let limit: Double?
    /// Multiply-adds or bytes per second that were done.
    let rate: Double
    var bytesPerToken: Int?
    /// Seconds.
    var barrier: Double?

    var share: Double? { limit.map { rate / $0 } }
  }

  private func heading(_ benchmark: Benchmark) -> String {
    let engine = benchmark.engine
    let name = visible(model, singleLine: true)
    let bytes = SizeText.bytes(engine.bytesPerToken)
    let computes = engine.usesCPU ? engine.instructionSet : engine.device
    return """
      \(name) · \(engine.model.checkpoint.format.summary) · \(bytes) a token · \
      KV \(benchmark.kvType.rawValue) · \(computes) · \
      \(counted(Processors.available, "processor"))
      threads  test             depth     tok/s     done  machine can do  share  barrier

      """
  }

  private func report(_ row: Row) throws {
    let speed = row.speed
    guard json else {
      var text = String(
        format: "%7d  %-15@  %5d  %8.2f  %7.1f", speed.threads,
        "\(row.test) \(speed.tokens)" as NSString, speed.depth, speed.tokensPerSecond,
        row.rate / 1e9)
      if let limit = row.limit, let share = row.share {
        text += String(
          format: "  %7.1f %-6@  %4.0f%%", limit / 1e9, row.unit as NSString, 100 * share)
      }
      if let barrier = row.barrier { text += String(format: "  %4.1f µs", barrier * 1e6) }
      return try writeResult(text + "\n")
    }
    let isDecode = row.bytesPerToken != nil
    let line = Line(
      test: row.test, device: device.device.name, tokens: speed.tokens, depth: speed.depth,
      threads: speed.threads,
      tokensPerSecond: speed.tokensPerSecond, bytesPerToken: row.bytesPerToken,
      readBytesPerSecond: isDecode ? row.limit : nil,
      shareOfReadBandwidth: isDecode ? row.share : nil,
      multiplyAddsPerSecond: isDecode ? nil : row.rate,
      shareOfArithmeticPeak: isDecode ? nil : row.share, barrierSeconds: row.barrier,
      launchesPerToken: isDecode && device.device != .cpu ? speed.launchesPerToken : nil)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = .sortedKeys
    try writeResult(String(decoding: try encoder.encode(line), as: UTF8.self) + "\n")
  }

  /// What `--json` prints.
  private struct Line: Encodable {
    let test: String
    let device: String
    let tokens: Int
    let depth: Int
    let threads: Int
    let tokensPerSecond: Double
    let bytesPerToken: Int?
    let readBytesPerSecond: Double?
    let shareOfReadBandwidth: Double?
    let multiplyAddsPerSecond: Double?
    let shareOfArithmeticPeak: Double?
    let barrierSeconds: Double?
    let launchesPerToken: Double?
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
