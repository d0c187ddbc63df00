import ArgumentParser
import Chat
import Conversion
import Inference
import ModelFile
import Tokenization

/// `llama-chat inspect`: what is in a model file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a model file, or in any source that `convert` reads.")

  @Argument(help: "The model file or source, or the name of one, as for chat.", completion: .file())
  var model: String

  @Option(name: [.customShort("z"), .long], help: "The tokenizer to check against the model.")
  var tokenizer: String?

  @Flag(help: "Read every value and report the first that is NaN, infinite or a negative scale.")
  var verify = false

  @Option(
    help: ArgumentHelp(
      "Show how far each tensor's values are from this model's.", valueName: "model"),
    completion: .file())
  var against: String?

  mutating func run() throws {
    model = try ModelChoice().path(named: model)
    if let against {
      return try SourceInspection(model, tokenizer: tokenizer)
        .compare(against: ModelChoice().path(named: against))
    }
    // What is no source at all gets its error as a model file.
    if let kind = try? SourceKind(of: model), kind != .modelFile {
      let inspection = try SourceInspection(model, tokenizer: tokenizer)
      try inspection.show()
      if verify { try inspection.verify() }
      return
    }
    let checkpoint = try Checkpoint(path: model)
    Report.warnings(of: checkpoint)
    let sections = [header(checkpoint), extensionBlock(checkpoint), tensors(checkpoint)]
    try writeResult(sections.map { $0.joined(separator: "\n") + "\n\n" }.joined())
    try writeResult("tokenizer      \(try tokenizerSummary(checkpoint))\n")
    if verify {
      try checkpoint.verify()
      try writeResult("verified       every value is finite\n")
    }
  }

  private func header(_ checkpoint: Checkpoint) -> [String] {
    let config = checkpoint.config
    let bytesPerToken = Model(checkpoint: checkpoint).bytesPerToken
    let kv = KVType.automatic(for: checkpoint.format)
    let cache = KVCache.byteCount(config: config, capacity: config.contextLength, type: kv) ?? .max
    return [
      "file           \(visible(model, singleLine: true)), \(SizeText.bytes(checkpoint.fileSize))",
      "format         \(checkpoint.format.summary)",
      "dim            \(config.dim)",
      "hidden_dim     \(config.hiddenDim)",
      "n_layers       \(config.layers)",
      "n_heads        \(config.heads) of \(config.headSize), \(config.kvHeads) KV heads",
      "vocab_size     \(config.vocabSize), classifier \(config.sharedClassifier ? "tied" : "separate")",
      "seq_len        \(config.contextLength)",
      "decode reads   \(SizeText.bytes(bytesPerToken)) a token",
      "KV cache       \(SizeText.bytes(cache)) at \(config.contextLength) tokens, \(kv.rawValue)",
    ]
  }

  private func extensionBlock(_ checkpoint: Checkpoint) -> [String] {
    let metadata = checkpoint.metadata
    let source = checkpoint.hasMetadata ? "the file's own" : "llama2.c's defaults"
    let template = metadata.template?.name ?? "not said"
    let endOfTurn = metadata.endOfTurn.map { ", end of turn \($0)" } ?? ""
    return [
      "values         \(source)",
      "rope_theta     \(SizeText.number(metadata.ropeTheta))",
      "norm_eps       \(SizeText.number(metadata.normEpsilon))",
      "special ids    bos \(metadata.bos), eos \(metadata.eos)\(endOfTurn)",
      "template       \(template)",
    ]
      + (metadata.sourceName.isEmpty
        ? [] : ["source         \(visible(metadata.sourceName, singleLine: true))"])
  }

  /// One line a role: the blocks' tensors are alike.
  private func tensors(_ checkpoint: Checkpoint) -> [String] {
    let roles = Dictionary(grouping: checkpoint.layout.tensors, by: \.role)
    return checkpoint.layout.tensors.filter { $0.layer == 0 }.map { span in
      let count = roles[span.role]?.count ?? 1
      let type = span.groupSize.map { "int8/\($0)" } ?? "fp32"
      let bytes = SizeText.bytes(span.byteCount * count)
      let columns = [
        (span.role.rawValue, 14), ("\(count) x", 5), ("(\(span.rows), \(span.columns))", 15),
        (type, 8), ("at \(span.offset)", 15), (bytes, 0),
      ]
      return columns.map { padded($0.0, to: $0.1) }.joined(separator: " ")
    }
  }

  /// The tokenizer, or why there is none; one asked for must fit.
  private func tokenizerSummary(_ checkpoint: Checkpoint) throws -> String {
    do {
      let vocabulary = try Vocabulary.resolve(for: checkpoint, override: tokenizer)
      let place =
        tokenizer ?? (checkpoint.tokenizerSection == nil ? "beside the model" : "in the file")
      return
        "\(vocabulary.kind.summary), \(vocabulary.count) pieces, \(visible(place, singleLine: true))"
    } catch  where tokenizer == nil {
      return "none: \(visible("\(error)", singleLine: true))"
    }
  }
}
