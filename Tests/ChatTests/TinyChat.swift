import Foundation
import Inference
import ModelFile
import TestSupport
import Tokenization

@testable import Chat

/// A tokenizer a test can follow: controls, one piece per byte, then pairs of letters.
///
/// Text is encoded by the longest piece first, so the ids a model samples (any pair, any byte) are often
/// not the ones the same text is encoded to: what a chat's cache must cope with.
struct PairTokenizer: Tokenizer {
  static let size = 512
  let vocabulary: Vocabulary
  private let pairs: [[UInt8]: TokenID]

  init() {
    var pieces = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map { Array($0.utf8) }
    pieces += (UInt8.min...UInt8.max).map { [$0] }
    let letters = Array("etaoinshrdluc mw".utf8)
    let firstPair = pieces.count
    pairing: for first in letters {
      for second in letters {
        guard pieces.count < Self.size else { break pairing }
        pieces.append([first, second])
      }
    }
    let kinds = pieces.indices.map { $0 < 3 ? Vocabulary.PieceKind.control : .normal }
    pairs = Dictionary(
      uniqueKeysWithValues: pieces.indices.dropFirst(firstPair).map { (pieces[$0], TokenID($0)) })
    vocabulary = Vocabulary(
      kind: .byteLevel, pieces: pieces, kinds: kinds, bos: 1, eos: 2, unknown: 0,
      addsSpacePrefix: false)
  }

  func encode(_ text: some Collection<UInt8>) -> [TokenID] {
    var ids: [TokenID] = []
    var rest = Array(text)[...]
    while let byte = rest.first {
      if let pair = pairs[Array(rest.prefix(2))] {
        ids.append(pair)
        rest = rest.dropFirst(2)
      } else {
        ids.append(TokenID(byte) + 3)
        rest = rest.dropFirst()
      }
    }
    return ids
  }

  func bytes(of token: TokenID) -> [UInt8] {
    token < 3 ? [] : vocabulary.pieces[Int(token)]
  }
}

/// A conversation with a seeded model of two layers.
struct TinyChat {
  let engine: Engine
  let conversation: Conversation

  init(
    template kind: TemplateKind = .chatML, capacity: Int = 512, threads: Int = 1,
    system: String? = "Be brief.", damaged: Bool = false, kvType: KVType? = nil,
    now: @escaping () -> ContinuousClock.Instant = { .now },
    settings changes: [Settings.Key: String] = [:]
  ) throws {
    let files = try (damaged ? Files.damaged : Files.sound).get()
    engine = try Engine(model: files.model, threads: threads)
    var settings = Settings(capacity: capacity)
    try settings.set(.seed, to: "7")
    try settings.set(.max, to: "12")
    for (key, text) in changes { try settings.set(key, to: text) }
    let template = try ChatTemplate(
      kind: kind, tokenizer: PairTokenizer(), metadata: files.model.metadata)
    conversation = try Conversation(
      engine: engine, template: template, settings: settings, kvType: kvType,
      system: system, now: now)
  }

  /// A chat of the same turns that has read nothing yet.
  func fresh() throws -> Conversation {
    let fresh = try Conversation(
      engine: engine, template: conversation.template, settings: conversation.settings,
      system: conversation.system)
    fresh.turns = conversation.turns
    return fresh
  }
}

/// The model of all tiny chats, written once.
private struct Files: Sendable {
  static let sound = Result { try Files(damaged: false) }
  static let damaged = Result { try Files(damaged: true) }

  let model: Model

  private init(damaged: Bool) throws {
    var config = TinyModel.separateClassifierConfig
    config.contextLength = 512
    var metadata = ModelMetadata()
    metadata.addsBOS = false
    // The mapping outlives the folder.
    let directory = try TemporaryDirectory()
    let path = directory.file("tiny.bin")
    try TinyModel.write(to: path, config: config, metadata: metadata)
    if damaged { try Self.damageClassifier(of: path, config: config) }
    model = try Model(checkpoint: Checkpoint(path: path))
    withExtendedLifetime(directory) {}
  }

  /// Makes the classifier's first weight not a number.
  private static func damageClassifier(of path: String, config: ModelConfig) throws {
    let layout = try TensorLayout(config: config, format: .v1)
    guard let span = layout.tensors.first(where: { $0.role == .classifier }) else { return }
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(span.offset))
    try file.write(contentsOf: Data([0x00, 0x00, 0xC0, 0x7F]))
    try file.close()
  }
}

extension Conversation {
  @discardableResult
  func say(_ question: String) throws -> TurnStatistics {
    try reply(to: question, interrupt: InterruptFlag()) { _ in }
  }
}

/// What a REPL said, in order.
final class RecordedOutput: ReplOutput {
  enum Entry: Hashable {
    case reply(String), endReply, notice(String), statistics(String), problem(String)
    case progress(String?)
  }
  private(set) var entries: [Entry] = []
  var onReply: () -> Void = {}
  var onProgress: () -> Void = {}

  func reply(_ text: String) {
    entries.append(.reply(text))
    onReply()
  }
  func endReply() { entries.append(.endReply) }
  func notice(_ text: String) { entries.append(.notice(text)) }
  func statistics(_ text: String) { entries.append(.statistics(text)) }
  func problem(_ text: String) { entries.append(.problem(text)) }
  func progress(_ text: String?) {
    entries.append(.progress(text))
    onProgress()
  }

  func hint(_ text: String) { hints.append(text) }
  private(set) var hints: [String] = []

  func clear() { entries = [] }
  var notices: [String] {
    entries.compactMap { if case .notice(let text) = $0 { text } else { nil } }
  }
  var problems: [String] {
    entries.compactMap { if case .problem(let text) = $0 { text } else { nil } }
  }
  var statisticsLines: [String] {
    entries.compactMap { if case .statistics(let text) = $0 { text } else { nil } }
  }
  var replyText: String {
    entries.map { if case .reply(let text) = $0 { text } else { "" } }.joined()
  }
}

/// Lines given one by one, which remembers what the editor was to start with.
final class TypedLines: LineSource {
  private var events: [LineEvent]
  private(set) var prefills: [String?] = []
  private(set) var statuses: [String?] = []

  init(_ lines: [String]) { events = lines.map { .line($0) } }
  init(events: [LineEvent]) { self.events = events }

  func read(prefill: String?, status: PromptStatus?) -> LineEvent {
    prefills.append(prefill)
    statuses.append(status?.text)
    return events.isEmpty ? .endOfInput : events.removeFirst()
  }
}

/// A REPL on a tiny chat, with everything it says recorded.
struct TinyRepl {
  let chat: TinyChat
  let output = RecordedOutput()
  let interrupt = InterruptFlag()
  let repl: Repl

  init(_ chat: TinyChat, prompts: [String] = []) {
    self.chat = chat
    repl = Repl(
      conversation: chat.conversation, prompts: PromptLibrary(folders: prompts), output: output,
      interrupt: interrupt)
  }

  init() throws { self.init(try TinyChat()) }

  /// Types lines and returns what was recorded of them alone.
  @discardableResult
  func type(_ lines: String...) throws -> TypedLines {
    output.clear()
    let source = TypedLines(lines)
    try repl.run(source)
    return source
  }
}

/// A clock that moves when told to, and by `tick` at every look.
final class TestClock {
  private var instant = ContinuousClock.now
  var tick = Duration.zero

  func now() -> ContinuousClock.Instant {
    instant += tick
    return instant
  }
  func advance(by duration: Duration) { instant += duration }
}
