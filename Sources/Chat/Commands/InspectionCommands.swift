import Inference
import ModelFile
import Tokenization

extension Repl {
  /// `:ctx`: a bar, and each turn's tokens.
  func showContext() {
    let usage = conversation.usage
    let used = min(usage.used, usage.capacity)
    let share = Double(used) / Double(max(1, usage.capacity))
    let width = 40
    let filled = min(width, Int((share * Double(width)).rounded(.up)))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    let head =
      "[\(bar)] \(percent(share)) · \(SizeText.grouped(used))/\(SizeText.grouped(usage.capacity))"
    var parts = ["system \(usage.system)"]
    parts += usage.turns.map { "\($0.number): \($0.question)+\($0.answer)" }
    parts.append("free \(SizeText.grouped(usage.capacity - used))")
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
      prompts      \(SizeText.grouped(read)) tokens read, \(SizeText.grouped(cached)) from the cache
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
      format      \(checkpoint.format.summary) · \(SizeText.bytes(checkpoint.fileSize)), mapped
      shape       dim \(config.dim) · hidden \(config.hiddenDim) · \(config.layers) layers · \
      \(config.heads) heads, \(config.kvHeads) key/value · \
      classifier \(config.sharedClassifier ? "shared" : "separate")
      rope        theta \(SizeText.number(metadata.ropeTheta)) · norm epsilon \(SizeText.number(metadata.normEpsilon))
      decoding    reads \(SizeText.bytes(engine.model.bytesPerToken)) per token · \
      \(engine.instructionSet) · \(counted(engine.threads, "thread"))
      context     \(SizeText.grouped(capacity)) tokens · made for \(SizeText.grouped(config.contextLength)) · \
      keys and values \(cache.type.rawValue), up to \(SizeText.bytes(cache.byteCount))
      tokenizer   \(vocabulary.kind.summary) · \(SizeText.grouped(vocabulary.count)) pieces of \
      \(SizeText.grouped(config.vocabSize)) rows
      template    \(template.kind.name) · a reply ends at \(stops)
      """
  }
}
