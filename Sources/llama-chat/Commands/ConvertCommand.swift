import ArgumentParser
import Chat
import Conversion
import Foundation
import Inference
import ModelFile

/// `llama-chat convert`: any Llama model to one self-contained .bin file, or to a Hugging Face directory.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a model of any common format into one self-contained model file.",
    discussion: """
      SOURCE is found out by looking: a Hugging Face directory (config.json with safetensors or \
      pytorch_model*.bin), a Meta directory (params.json with consolidated.NN.pth), a llama2.c \
      checkpoint (.pt), a GGUF file of architecture llama (F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, \
      Q5_1, Q4_K, Q5_K, Q6_K), or a model file of version 0, 1 or 2. Tokenizer, special token ids \
      and the kind of chat template go into the output, so that it needs no other file. A \
      tokenizer.model becomes a tokenizer.bin.
      """)

  /// What is written.
  enum Target: String, ExpressibleByArgument, CaseIterable {
    /// A model file.
    case bin
    /// A Hugging Face directory.
    case safetensors
  }

  @Argument(help: "The model: a file or a directory.", completion: .file())
  var source: String

  @Argument(help: "The model file to write (with --to safetensors: the directory).")
  var output: String

  @Option(help: "What to write: one model file, or a Hugging Face directory (F32).")
  var to = Target.bin

  @Option(
    name: .customLong("version"), parsing: .unconditional,
    help: "Output format: 0 and 1 are fp32, 2 is int8 with scales (q80).",
    transform: numberArgument(expected: "0, 1 or 2") { 0...2 ~= $0 })
  var formatVersion = 2

  @Option(
    parsing: .unconditional,
    help: "Elements of an int8 group (default: the largest of 64, 32, 16, 8, 4 that fits).",
    transform: numberArgument(expected: "a whole number, 1 or more") { $0 >= 1 })
  var groupSize: Int?

  @Option(
    name: [.customShort("z"), .long],
    help: "A tokenizer.model, tokenizer.bin or tokenizer.json, instead of the source's own.",
    completion: .file())
  var tokenizer: String?

  @Option(help: "Chat template (default: recognised in the source).")
  var template: TemplateKind?

  @Option(
    parsing: .unconditional, help: "Base of RoPE's frequencies (default: the source's).",
    transform: numberArgument(expected: "a number above 0") { $0 > 0 && $0.isFinite })
  var ropeTheta: Float?

  @Flag(help: "Replace existing output.")
  var force = false

  @Flag(name: .shortAndLong, help: "Show no progress.")
  var quiet = false

  func validate() throws {
    guard formatVersion == 2 && to == .bin || groupSize == nil else {
      throw ValidationError("--group-size: only version 2 has groups")
    }
  }

  func run() throws {
    try Signals.install()
    for file in LeftoverFile.all(of: to == .bin ? output : output + "/model.safetensors") {
      Report.warning(
        "\(file.path): \(SizeText.bytes(file.size)) left by a conversion that did not end; remove it"
      )
    }
    guard try SourceKind(of: source) != .tokenizer else { return try convertTokenizer() }
    let converter = try ModelConverter(
      path: source,
      options: SourceOptions(tokenizer: tokenizer, template: template, ropeTheta: ropeTheta))
    Signals.enter(.writing)
    var warnings = converter.warnings(version: to == .bin ? formatVersion : 1)
    var meter = ConversionMeter(isShown: !quiet)
    let progress = { (done: Int, total: Int, tensor: String) in
      // Not before: a request that is refused gets its error alone.
      for warning in warnings { Report.warning("\(source): \(warning)") }
      warnings = []
      if interruptFlag.isRaised { throw Interrupted() }
      meter.update(done: done, total: total, tensor: tensor)
    }
    switch to {
    case .bin:
      try converter.convert(
        to: output, version: formatVersion, groupSize: groupSize, overwrite: force,
        progress: progress)
    case .safetensors:
      try converter.export(to: output, overwrite: force, progress: progress)
    }
    meter.finish(output: output)
  }

  private func convertTokenizer() throws {
    let size = try TokenizerConversion.convert(source, to: output, overwrite: force)
    guard !quiet else { return }
    writeAll("\(visible(output, singleLine: true)): \(SizeText.bytes(size))\n", to: STDERR_FILENO)
  }
}
