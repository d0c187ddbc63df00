import ArgumentParser
import Chat
import Conversion
import Foundation
import Inference
import ModelFile

/// `llama-chat convert`: another project's model file to one self-contained .bin file.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a GGUF file into one self-contained model file.",
    discussion: """
      Reads GGUF files of architecture llama with F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, \
      Q4_K, Q5_K and Q6_K tensors. The tokenizer, the special token ids and the kind of chat \
      template go into the output, so that it needs no other file.
      """)

  @Argument(help: "The GGUF file.", completion: .file(extensions: ["gguf"]))
  var source: String

  @Argument(help: "The model file to write.", completion: .file())
  var output: String

  @Option(
    name: .customLong("version"), parsing: .unconditional,
    help: "Output format: 1 is fp32, 2 is int8 with scales (q80).",
    transform: numberArgument(expected: "1 or 2") { 1...2 ~= $0 })
  var formatVersion = 2

  @Option(
    parsing: .unconditional,
    help: "Elements of an int8 group (default: the largest of 64, 32, 16, 8, 4 that fits).",
    transform: numberArgument(expected: "a whole number, 1 or more") { $0 >= 1 })
  var groupSize: Int?

  @Flag(help: "Replace an existing output file.")
  var force = false

  @Flag(name: .shortAndLong, help: "Show no progress.")
  var quiet = false

  func validate() throws {
    guard formatVersion == 2 || groupSize == nil else {
      throw ValidationError("--group-size: only version 2 has groups")
    }
  }

  func run() throws {
    try Signals.install()
    Signals.enter(.writing)
    let converter = try ModelConverter(path: source)
    var warnings = converter.warnings(version: formatVersion)
    var meter = ConversionMeter(isShown: !quiet)
    try converter.convert(
      to: output, version: formatVersion, groupSize: groupSize, overwrite: force
    ) { done, total, tensor in
      // Not before: a request that is refused gets its error alone.
      for warning in warnings { Report.warning("\(source): \(warning)") }
      warnings = []
      if interruptFlag.isRaised { throw Interrupted() }
      meter.update(done: done, total: total, tensor: tensor)
    }
    meter.finish(output: output)
  }
}

/// One line on standard error that says how far a conversion is: replaced in a terminal, once a tenth
/// elsewhere.
private struct ConversionMeter {
  let isShown: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastShown = -1
  private var total = 0

  init(isShown: Bool) { self.isShown = isShown }

  mutating func update(done: Int, total: Int, tensor: String) {
    self.total = total
    let percent = total == 0 ? 100 : Int(Double(done) / Double(total) * 100)
    let step = isTerminal ? percent : percent / 10
    guard isShown, step != lastShown else { return }
    lastShown = step
    let text = "\(percent) % of \(SizeText.bytes(total)) · \(visible(tensor, singleLine: true))"
    guard isTerminal else { return write("\(text)\n") }
    write("\r\u{1B}[K" + text.fitted(to: TerminalStyle.columns(of: STDERR_FILENO) - 1))
  }

  func finish(output: String) {
    guard isShown else { return }
    let time = seconds((ContinuousClock.now - start).inSeconds)
    let text = "\(visible(output, singleLine: true)): \(SizeText.bytes(total)) in \(time)"
    write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n")
  }

  private func write(_ text: String) { writeAll(text, to: STDERR_FILENO) }
}
