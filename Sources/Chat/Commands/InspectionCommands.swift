import Inference
import ModelFile
import Tokenization

extension Repl {
  /// `:ctx`: a bar, and each turn's tokens.
  func showContext() {
    let usage = conversation.usage
    let share = Double(usage.used) / Double(max(1, usage.capacity))
    let width = 40
    let filled = min(width, Int((share * Double(width)).rounded(.up)))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    let head = "[\(bar)] \(percent(share)) · \(grouped(usage.used))/\(grouped(usage.capacity))"
    var parts = ["system \(usage.system)"]
    parts += usage.turns.map { "\($0.number): \($0.question)+\($0.answer)" }
    parts.append("free \(grouped(max(0, usage.capacity - usage.used)))")
    output.notice(head + "\n" + parts.joined(separator: " · "))
  }

  /// `:stats`: speed over all replies, or the line after each.
  func stats(_ text: String) throws {
    guard text.isEmpty else { return try setting(.stats, text) }
    guard !statistics.isEmpty else {
      output.notice(
        "no replies yet; the line after each reply is "
          + conversation.settings.text(of: .stats))
      return
    }
    func spread(_ values: [Double], _ unit: (Double) -> String) -> String {
      let sorted = values.sorted()
      guard let most = sorted.last else { return "–" }
      let median = sorted[sorted.count / 2]
      return "median \(unit(median)), highest \(unit(most))"
    }
    let generated = statistics.reduce(0) { $0 + $1.generated }
    let read = statistics.reduce(0) { $0 + $1.read }
    let cached = statistics.reduce(0) { $0 + $1.cached }
    output.notice(
      """
      \(statistics.count) \(statistics.count == 1 ? "reply" : "replies") · \(counted(generated, "token"))
      decode       \(spread(statistics.compactMap(\.tokensPerSecond)) { rounded($0) + " tok/s" })
      bandwidth    \(spread(statistics.compactMap(\.gigabytesPerSecond)) { rounded($0) + " GB/s" })
      reading      \(spread(statistics.compactMap(\.readPerSecond)) { rounded($0) + " tok/s" })
      first token  \(spread(statistics.map(\.firstTokenSeconds), seconds))
      prompts      \(grouped(read)) tokens read, \(grouped(cached)) from the cache
      """)
  }

  /// `:tokens TEXT`.
  func tokens(_ text: String) throws {
    guard !text.isEmpty else { throw CommandError("tokens", "expected a text") }
    let tokenizer = conversation.template.tokenizer
    let ids = tokenizer.encode(text)
    let pieces = ids.map { id in
      let bytes = tokenizer.vocabulary.pieces[Int(id)]
      return "\(id) \(TerminalText.quoted(bytes))"
    }
    output.notice(counted(ids.count, "token") + ": " + pieces.joined(separator: " · "))
  }

  /// `:model`.
  func showModel() {
    output.notice(conversation.modelDescription)
  }
}

extension Conversation {
  /// The model's shapes, format, tokenizer and template, one per line.
  public var modelDescription: String {
    let checkpoint = engine.model.checkpoint
    let config = engine.model.config
    let metadata = engine.model.metadata
    let vocabulary = template.tokenizer.vocabulary
    let source = metadata.sourceName.isEmpty ? "" : " · from \(metadata.sourceName)"
    let stops = template.stopTokens.sorted().map(String.init).joined(separator: ", ")
    return """
      file        \(checkpoint.path)\(source)
      format      \(checkpoint.format.summary) · \(byteCount(checkpoint.fileSize)), mapped
      shape       dim \(config.dim) · hidden \(config.hiddenDim) · \(config.layers) layers · \
      \(config.heads) heads, \(config.kvHeads) key/value · \
      classifier \(config.sharedClassifier ? "shared" : "separate")
      rope        theta \(metadata.ropeTheta) · norm epsilon \(metadata.normEpsilon)
      decoding    reads \(byteCount(engine.model.bytesPerToken)) per token · \
      \(engine.instructionSet) · \(counted(engine.threads, "thread"))
      context     \(grouped(capacity)) tokens · made for \(grouped(config.contextLength))
      tokenizer   \(vocabulary.kind.summary) · \(grouped(vocabulary.count)) pieces of \
      \(grouped(config.vocabSize)) rows
      template    \(template.kind.name) · a reply ends at \(stops)
      """
  }
}

extension CheckpointFormat {
  fileprivate var summary: String {
    switch self {
    case .v0: "v0, fp32"
    case .v1: "v1, fp32"
    case .v2(let groupSize): "v2, int8 in groups of \(groupSize)"
    }
  }
}

extension TokenizerKind {
  fileprivate var summary: String {
    switch self {
    case .sentencePiece: "SentencePiece BPE"
    case .byteLevel: "byte-level BPE"
    }
  }
}

extension TemplateKind {
  /// The name options and listings use.
  public var name: String {
    switch self {
    case .none: "none"
    case .llama2: "llama2"
    case .chatML: "chatml"
    }
  }

  /// The template of that name; `nil` for an unknown one.
  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

/// A share as a whole percentage.
func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))%" }
