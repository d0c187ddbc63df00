import ArgumentParser
import Inference
import ModelFile
import Tokenization

/// The arguments every command that runs a model shares.
struct ModelOptions: ParsableArguments {
  @Argument(help: "The model file (llama2.c version 0, 1 or 2).", completion: .file())
  var model: String

  @Option(
    name: [.customShort("z"), .long],
    help: "A tokenizer.bin or tokenizer.model, instead of the model's own.",
    completion: .file())
  var tokenizer: String?

  @Option(
    name: [.customShort("j"), .long],
    help: "Threads that compute (default: the processors of this machine).")
  var threads: Int?

  /// Opens the model and its tokenizer and starts the engine.
  func load() throws -> (engine: Engine, tokenizer: any Tokenizer) {
    let checkpoint = try Checkpoint(path: model)
    Report.warnings(of: checkpoint)
    let vocabulary = try Vocabulary.resolve(for: checkpoint, override: tokenizer)
    let engine = try Engine(
      model: Model(checkpoint: checkpoint), threads: threads ?? Processors.available)
    return (engine, try vocabulary.makeTokenizer())
  }
}

/// The sampler's options, by llama2.c's letters.
struct SamplerOptions: ParsableArguments {
  @Option(name: [.customShort("t"), .customLong("temp")], help: "Temperature; 0 is greedy.")
  var temperature: Float = 1

  @Option(
    name: [.customShort("p"), .customLong("topp")],
    help: "Nucleus sampling's probability mass; 0 or 1 is off.")
  var topP: Float = 0.9

  @Option(name: [.customShort("s"), .long], help: "Seed (default: random).")
  var seed: UInt64?

  func validate() throws {
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("-t: must be 0 or more, got \(temperature)")
    }
    guard topP >= 0, topP <= 1 else {
      throw ValidationError("-p: must be in 0…1, got \(topP)")
    }
  }

  var sampler: Sampler {
    Sampler(temperature: temperature, topP: topP, seed: seed ?? .random(in: 1 ... .max))
  }
}
