import ArgumentParser
import Foundation
import Inference

/// `llama-chat generate`: continues a text, with the options of llama2.c's `run`.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text, with the options of llama2.c's run.",
    discussion: """
      The same seed gives the same text as run. The text goes to standard output, the speed to \
      standard error.
      """)

  @OptionGroup var options: ModelOptions
  @OptionGroup var sampling: SamplerOptions

  @Option(
    name: [.customShort("n"), .long], parsing: .unconditional,
    help: "Positions to fill, the prompt's included; 0 is the whole context.",
    transform: numberArgument(expected: "a whole number, 0 or more") { $0 >= 0 })
  var steps = 256

  @Option(help: KVType.help(default: "f32, which gives the text of run"))
  var kv: KVType?

  @Option(
    name: [.customShort("i"), .customLong("prompt")], parsing: .unconditional,
    help: "The text to continue.")
  var prompt = ""

  mutating func run() throws {
    try options.convertIfNeeded()
    try Signals.install()
    let (engine, tokenizer) = try options.load()
    // Only f32 gives run's text.
    var completion = Completion(
      engine: engine, tokenizer: tokenizer, sampler: sampling.sampler, kvType: kv ?? .f32)
    let isTerminal = isatty(STDOUT_FILENO) == 1
    let statistics = try completion.run(prompt: Array(prompt.utf8), steps: steps) { text in
      try writeResult(isTerminal ? visible(text) : text)
    }
    try writeResult("\n")
    if statistics.generatedTokens == 0 {
      Report.warning(
        "-n \(steps): the prompt fills all positions and more; expected room to continue")
    }
    // The first token comes from the prompt's logits; every other one costs a pass of its own.
    let passes = statistics.generatedTokens - 1
    if passes > 0 {
      let seconds = statistics.decodeTime / .seconds(1)
      let speed = String(format: "achieved tok/s: %.6f\n", Double(passes) / seconds)
      writeAll(speed, to: STDERR_FILENO)
    }
  }
}
