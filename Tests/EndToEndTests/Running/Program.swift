import Chat
import Foundation
import ModelFile
import TestSupport
import Tokenization

/// The program under test, its models, and places for its files.
struct Program {
  /// `llama-chat` beside the test program.
  static let path: String = {
    let bundles = Bundle.allBundles.filter { $0.bundlePath.hasSuffix(".xctest") }
    let beside = [CommandLine.arguments[0], Bundle.main.executablePath ?? ""]
      .map { ($0 as NSString).deletingLastPathComponent }
    let folders = bundles.map { ($0.bundlePath as NSString).deletingLastPathComponent } + beside
    let found = folders.map { $0 + "/llama-chat" }.first { access($0, X_OK) == 0 }
    return found ?? "llama-chat-is-not-built"
  }()

  /// The home of one test.
  let folder: TemporaryDirectory
  /// Changes to the environment.
  var environment: [String: String]

  init(_ environment: [String: String] = [:]) throws {
    folder = try TemporaryDirectory()
    self.environment = [
      "HOME": folder.path, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color",
      "NO_COLOR": "1", "EDITRC": "/dev/null",
    ].merging(environment) { $1 }
    // A sanitizer in the program obeys what the tests' does.
    for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] {
      self.environment[name] = ProcessInfo.processInfo.environment[name]
    }
  }

  /// A conversation with a model on a terminal, up to the first prompt.
  func chat(
    _ model: Models.Model = .quick, _ options: [String] = [], columns: Int = 80
  ) throws -> PseudoTerminal {
    let arguments = try Models.arguments(model) + options
    let terminal = try PseudoTerminal(
      Self.path, arguments, environment: environment, columns: columns)
    terminal.home = folder
    try terminal.expectPrompt()
    return terminal
  }

  /// The chats that were kept without being asked to.
  func keptChats() throws -> [Session] {
    let folder = folder.file(".local/state/llama-chat/autosave")
    return try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".chat") }.sorted()
      .map { try SessionFile.read(path: folder + "/" + $0) }
  }

  /// What was sent, as the history file has it.
  var history: [String] {
    get throws {
      let path = folder.file(".local/state/llama-chat/history")
      guard let data = FileManager.default.contents(atPath: path) else { return [] }
      return try data.split(separator: UInt8(ascii: "\n"))
        .map { try JSONDecoder().decode(String.self, from: Data($0)) }
    }
  }
}

/// Random models; what they say has no meaning, but is always the same.
enum Models {
  enum Model {
    /// Answers three tokens at once.
    case quick
    /// Talks for seconds, and reads long prompts for seconds; says the same whatever it is asked.
    case slow
    /// As slow; what it says depends on all it was told, and has no end.
    case attentive
  }

  /// The arguments that choose a model and greedy sampling.
  static func arguments(_ model: Model) throws -> [String] {
    switch model {
    case .quick: [try path(.quick), "-t", "0", "-n", "3"]
    // Long enough that a test which is held up still meets it talking.
    case .slow, .attentive: [try path(model), "-t", "0", "--ctx", "8192"]
    }
  }

  /// The file of a model.
  static func path(_ model: Model) throws -> String {
    switch model {
    case .quick: try files.get().file("quick.bin")
    case .slow: try files.get().file("slow.bin")
    case .attentive: try files.get().file("attentive.bin")
    }
  }

  private static let files = Result {
    let folder = try TemporaryDirectory()
    folder.removeAtExit()
    let vocabulary = TinyVocabulary.sentencePiece()
    let tokenizer = try vocabulary.section()
    var metadata = ModelMetadata()
    metadata.tokenizer = vocabulary.kind
    metadata.tokenCount = vocabulary.count
    metadata.template = .llama2
    var config = TinyModel.config
    config.contextLength = 512
    try TinyModel.write(
      to: folder.file("quick.bin"), config: config, metadata: metadata,
      tokenizerSection: tokenizer)
    config = ModelConfig(
      dim: 256, hiddenDim: 512, layers: 4, heads: 4, kvHeads: 4, vocabSize: 512,
      contextLength: 8192, sharedClassifier: true)
    try TinyModel.write(
      to: folder.file("slow.bin"), config: config, metadata: metadata,
      tokenizerSection: tokenizer)
    config.sharedClassifier = false
    let writer = try CheckpointWriter(
      path: folder.file("attentive.bin"), config: config, format: .v1, metadata: metadata,
      tokenizerSection: tokenizer, overwrite: false)
    try writer.append(endlessWeights(of: config))
    try writer.finish()
    return folder
  }

  /// Each token leaves the same mark in the first column, by which the one that ends a reply is told to be wrong.
  private static func endlessWeights(of config: ModelConfig) -> TinyModel.Weights {
    var weights = TinyModel.weights(config: config)
    for id in 0..<config.vocabSize { weights[.tokenEmbedding]?[0][id * config.dim] = 4 }
    let end = Int(ModelMetadata().eos) * config.dim
    for column in 0..<config.dim { weights[.classifier]?[0][end + column] = column == 0 ? -8 : 0 }
    return weights
  }
}
