import Inference
import ModelFile
import Tokenization

extension CommandTable {
  /// The commands that show what is inside.
  static let looking: [Command] = [
    Command(
      "ctx", summary: "use of the context; each turn's tokens", example: ":ctx", group: .looking,
      run: { repl, _ in repl.showContext() }),
    Command(
      "stats", usage: "[on|off]", summary: "speed so far; the line after each reply",
      example: ":stats off", group: .looking, argument: .words(Settings.words(of: .stats)),
      run: { try $0.stats($1) }),
    Command(
      "bench", usage: "[N]", summary: "decoding speed here; N steps beside the machine's own limit",
      example: ":bench 64", group: .looking, argument: .text, run: { try $0.bench($1) }),
    Command(
      "tokens", usage: "TEXT", summary: "ids and pieces of TEXT",
      example: ":tokens Hello world", group: .looking, argument: .text, run: { try $0.tokens($1) }
    ),
    Command(
      "model", summary: "the model; shapes, format, memory, tokenizer, template",
      example: ":model", group: .looking,
      run: { repl, _ in repl.output.notice(repl.conversation.modelDescription) }),
  ]
}

extension Repl {
  /// `:tokens TEXT`.
  func tokens(_ text: String) throws {
    guard !text.isEmpty else { throw CommandError("tokens", "expected a text") }
    let tokenizer = conversation.template.tokenizer
    let ids = tokenizer.encode(text)
    let cells = ids.map { id in
      "\(id) \(TerminalText.quoted(tokenizer.vocabulary.pieces[Int(id)]))"
    }
    let bytes = SizeText.bytes(text.utf8.count)
    output.notice("\(counted(ids.count, "token")), \(bytes)\n" + wrapped(cells))
  }
}

/// Cells beside each other, in lines of 80 columns where they fit.
func wrapped(_ cells: [String], separator: String = " · ") -> String {
  var lines: [String] = []
  for cell in cells {
    if let line = lines.last, line.count + separator.count + cell.count <= 80 {
      lines[lines.count - 1] = line + separator + cell
    } else {
      lines.append(cell)
    }
  }
  return lines.joined(separator: "\n")
}

extension Conversation {
  /// The model's file, shapes, format, memory, tokenizer and template, one per line.
  public var modelDescription: String {
    let checkpoint = engine.model.checkpoint
    let config = engine.model.config
    let metadata = engine.model.metadata
    let vocabulary = template.tokenizer.vocabulary
    let source = metadata.sourceName.isEmpty ? "" : " · from \(metadata.sourceName)"
    let stops = template.stopTokens.sorted().map(String.init).joined(separator: ", ")
    let weights = checkpoint.layout.tensors.filter { $0.role != .ropeTables }
      .reduce(0) { $0 + $1.elementCount }
    let resident =
      ProcessMemory.resident(in: checkpoint.bytes)
      .map { ", \(SizeText.bytes($0)) of it in memory" } ?? ""
    return """
      file        \(checkpoint.path)\(source)
      format      \(checkpoint.format.summary) · header \(checkpoint.hasMetadata ? "with" : "without") \
      extension · \(SizeText.bytes(checkpoint.fileSize)) mapped\(resident)
      shape       \(SizeText.count(weights)) weights · dim \(config.dim) · hidden \(config.hiddenDim) · \
      \(config.layers) layers · classifier \(config.sharedClassifier ? "shared" : "separate")
      attention   \(config.heads) heads of \(config.headSize), \(config.kvHeads) key/value · \
      rope theta \(SizeText.number(metadata.ropeTheta)) · norm epsilon \(SizeText.number(metadata.normEpsilon))
      decoding    reads \(SizeText.bytes(engine.bytesPerToken)) of weights per token · \
      \(engine.usesCPU ? "\(engine.instructionSet) · \(counted(engine.threads, "thread"))" : engine.device)
      context     \(SizeText.grouped(capacity)) tokens · made for \(SizeText.grouped(config.contextLength)) · \
      keys and values \(cache.type.rawValue): \(SizeText.bytes(cache.usedBytes)), up to \
      \(SizeText.bytes(cache.byteCount))
      tokenizer   \(vocabulary.kind.summary) · \(SizeText.grouped(vocabulary.count)) pieces of \
      \(SizeText.grouped(config.vocabSize)) rows
      template    \(template.kind.name) · a reply ends at \(stops)
      """
  }
}
