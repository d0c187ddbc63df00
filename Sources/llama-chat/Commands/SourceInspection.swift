import Chat
import Conversion
import Foundation
import Inference
import ModelFile
import Tokenization

/// What `inspect` says of a model that is in no model file yet, and of two models side by side.
struct SourceInspection {
  let converter: ModelConverter
  let path: String

  /// Opens a source of whatever kind.
  init(_ path: String, tokenizer: String?) throws {
    self.path = path
    converter = try ModelConverter(path: path, options: SourceOptions(tokenizer: tokenizer))
  }

  /// Writes shape, metadata and tensors.
  func show() throws {
    for warning in converter.warnings(version: 1) { Report.warning("\(path): \(warning)") }
    let sections = [header, metadata, try tensors()]
    try writeResult(sections.map { $0.joined(separator: "\n") + "\n\n" }.joined())
    let tokenizer = converter.vocabulary.map { "\($0.kind.summary), \($0.count) pieces" } ?? "none"
    try writeResult("tokenizer      \(tokenizer)\n")
    let sizes = try [1, 2].map {
      "\(SizeText.bytes(try converter.outputBytes(version: $0, groupSize: nil))) as version \($0)"
    }
    try writeResult("converted      \(sizes.joined(separator: ", "))\n")
  }

  /// Reads every value.
  func verify() throws {
    try Signals.install()
    try converter.verify { _, _ in if interruptFlag.isRaised { throw Interrupted() } }
    try writeResult("verified       every value is finite\n")
  }

  /// Writes how far each tensor is from another model's, which is what is exact.
  func compare(against other: String) throws {
    let exact = try ModelConverter(path: other)
    let columns = [
      ("tensor", 24), ("magnitude", 11), ("error", 11), ("relative", 10), ("largest", 0),
    ]
    try writeResult(columns.map { padded($0.0, to: $0.1) }.joined(separator: " ") + "\n")
    var worst = 0.0
    try exact.compare(with: converter) { difference in
      let relative = difference.magnitude > 0 ? difference.error / difference.magnitude : 0
      worst = max(worst, relative)
      let line = [
        (difference.name, 24), (String(format: "%.4g", difference.magnitude), 11),
        (String(format: "%.4g", difference.error), 11),
        (String(format: "%.3f %%", relative * 100), 10),
        (String(format: "%.4g", difference.largest), 0),
      ]
      try writeResult(line.map { padded($0.0, to: $0.1) }.joined(separator: " ") + "\n")
    }
    try writeResult(
      worst == 0 ? "all values are equal\n" : String(format: "worst tensor: %.3f %%\n", worst * 100)
    )
  }

  private var header: [String] {
    let config = converter.config
    return [
      "source         \(visible(path, singleLine: true)), \(converter.kind.summary), "
        + SizeText.bytes(converter.inputBytes),
      "dim            \(config.dim)",
      "hidden_dim     \(config.hiddenDim)",
      "n_layers       \(config.layers)",
      "n_heads        \(config.heads) of \(config.headSize), \(config.kvHeads) KV heads",
      "vocab_size     \(config.vocabSize), classifier \(config.sharedClassifier ? "tied" : "separate")",
      "seq_len        \(config.contextLength)",
    ]
  }

  private var metadata: [String] {
    let metadata = converter.metadata
    let endOfTurn = metadata.endOfTurn.map { ", end of turn \($0)" } ?? ""
    return [
      "rope_theta     \(SizeText.number(metadata.ropeTheta))",
      "norm_eps       \(SizeText.number(metadata.normEpsilon))",
      "special ids    bos \(metadata.bos), eos \(metadata.eos)\(endOfTurn)",
      "template       \(metadata.template?.name ?? "not said")",
    ]
      + (metadata.sourceName.isEmpty
        ? [] : ["name           \(visible(metadata.sourceName, singleLine: true))"])
  }

  private func tensors() throws -> [String] {
    try converter.summaries().map { tensor in
      let columns = [
        (tensor.role.rawValue, 14), ("\(tensor.count) x", 5),
        ("(\(tensor.rows), \(tensor.columns))", 15), (tensor.types, 12),
        (SizeText.bytes(tensor.byteCount), 0),
      ]
      return columns.map { padded($0.0, to: $0.1) }.joined(separator: " ")
    }
  }
}
