import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile
import Tokenization

/// The arguments of every command that runs one model.
struct ModelOptions: ParsableArguments {
  /// The endings that shells complete.
  static let endings = ["bin", "gguf", "pt", "pth", "safetensors"]

  @Argument(
    help: """
      The model: a file (version 0, 1 or 2), any model that `convert` reads, or the name of one in \
      ./models, $LLAMA_CHAT_MODELS or the user's folder for models.
      """,
    completion: .file(extensions: Self.endings))
  var model: String

  @OptionGroup var engine: EngineOptions

  /// Makes ``model`` a model file, converting it once when it is of another format.
  ///
  /// - Throws: As ``EngineOptions/modelFile(for:)``.
  mutating func convertIfNeeded() throws {
    model = try engine.modelFile(for: ModelChoice().path(named: model))
  }

  /// Opens the model and its tokenizer and starts the engine.
  func load() throws -> (engine: Engine, tokenizer: any Tokenizer) {
    try engine.load(model)
  }
}

/// How a model is opened and computed, the same for every command that runs one.
struct EngineOptions: ParsableArguments {
  @Flag(help: "Convert a model of another format without asking.")
  var yes = false

  @Option(
    name: [.customShort("z"), .long],
    help: ArgumentHelp(
      "A tokenizer.bin or tokenizer.model, instead of the model's own; also a tokenizer.json, for a model that "
        + "has to be converted."),
    completion: .file(extensions: ["bin", "model", "json"]))
  var tokenizer: String?

  @Option(
    name: [.customShort("j"), .long], parsing: .unconditional,
    help: ArgumentHelp(
      "Threads that compute, or auto to try which number is fastest "
        + "(default: the processors of this machine).", valueName: "threads|auto"),
    transform: ThreadChoice.init(argument:))
  var threads: ThreadChoice?

  @OptionGroup var device: DeviceOptions

  /// The model file for a path: itself when it is one, else the converted one, with the tokenizer asked for
  /// inside.
  ///
  /// - Throws: ``InputError`` when the user says no or cannot be asked, and what conversion throws.
  mutating func modelFile(for path: String) throws -> String {
    let file = try ConvertedModels(isConfirmed: yes, tokenizer: tokenizer).modelFile(for: path)
    if file != path { tokenizer = nil }
    return file
  }

  /// Opens a model and its tokenizer and starts the engine.
  ///
  /// - Parameter standard: The threads unless others are asked for.
  func load(
    _ path: String, threads standard: ThreadChoice? = nil
  ) throws -> (engine: Engine, tokenizer: any Tokenizer) {
    let checkpoint = try Checkpoint(path: path)
    Report.warnings(of: checkpoint)
    MemoryWarning.report(checkpoint)
    let vocabulary = try Vocabulary.resolve(for: checkpoint, override: tokenizer)
    if vocabulary.count < checkpoint.config.vocabSize {
      Report.warning(
        "\(tokenizer ?? path): the tokenizer has \(vocabulary.count) tokens, the model "
          + "\(checkpoint.config.vocabSize); expected the same unless its embedding is padded")
    }
    let model = Model(checkpoint: checkpoint)
    let tokenizer = try vocabulary.makeTokenizer()
    let engine: Engine
    switch threads ?? standard ?? .count(Processors.available) {
    case .count(let count): engine = try Engine(model: model, threads: count)
    case .auto:
      engine = try Engine(model: model, threads: Processors.available)
      let tuning = try ThreadTuning(engine: engine, interrupt: interruptFlag)
      writeAll(tuning.table + "\n", to: STDERR_FILENO)
    }
    try device.apply(to: engine)
    return (engine, tokenizer)
  }
}

/// How many threads compute.
enum ThreadChoice: Equatable {
  case count(Int)
  /// The number that a trial finds fastest.
  case auto

  init(argument: String) throws {
    if argument == "auto" {
      self = .auto
    } else if let count = Int(argument) {
      self = .count(count)
    } else {
      throw ValidationError("must be a whole number or auto")
    }
  }
}

extension KVType: ExpressibleByArgument {
  /// Help for an option `--kv`.
  static func help(default text: String) -> ArgumentHelp {
    ArgumentHelp("How keys and values are kept (default: \(text)).", valueName: "f32|f16|q8")
  }

  /// The default where speed and memory matter more than llama2.c's very bits.
  static let automaticHelp = help(default: "f16 for an int8 model, else f32")
}

/// The sampler's options, by llama2.c's letters.
struct SamplerOptions: ParsableArguments {
  @Option(
    name: [.customShort("t"), .customLong("temp")], parsing: .unconditional,
    help: "Temperature; 0 is greedy.",
    transform: numberArgument(expected: "0 or more") { $0 >= 0 && $0.isFinite })
  var temperature: Float = 1

  @Option(
    name: [.customShort("p"), .customLong("topp")], parsing: .unconditional,
    help: "Nucleus sampling's probability mass; 0 or 1 is off.",
    transform: numberArgument(expected: "0…1") { 0...1 ~= $0 })
  var topP: Float = 0.9

  @Option(
    name: [.customShort("s"), .long], parsing: .unconditional, help: "Seed (default: random).",
    transform: numberArgument(expected: "0…\(UInt64.max)"))
  var seed: UInt64?

  var sampler: Sampler {
    Sampler(temperature: temperature, topP: topP, seed: seed ?? .random(in: 1 ... .max))
  }
}
