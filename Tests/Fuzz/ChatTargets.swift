import Foundation
import ModelFile
import TestSupport

@testable import Chat
@testable import Inference
@testable import Tokenization

/// A chat with a model of one narrow layer.
private enum SmallChat {
  static let vocabulary = TinyVocabulary.chatML()
  static let model: Model = {
    var config = SmallModel.config
    config.vocabSize = TinyVocabulary.count
    config.contextLength = 256
    do {
      let path = Scratch.file("chat.bin", try SmallModel.bytes(.v2(groupSize: 8), config: config))
      return Model(checkpoint: try Checkpoint(path: path))
    } catch {
      fatalError("\(error)")
    }
  }()

  static func conversation() throws -> Conversation {
    let engine = try Engine(model: model, threads: 1)
    var settings = Settings(capacity: 256)
    try settings.set(.seed, to: "7")
    try settings.set(.max, to: "4")
    let template = try ChatTemplate(
      kind: .chatML, tokenizer: vocabulary.makeTokenizer(), metadata: model.metadata)
    return try Conversation(
      engine: engine, template: template, settings: settings, kvType: .f32, system: "Be brief.")
  }
}

/// Checks what it is told, and keeps nothing.
private final class CheckedOutput: ReplOutput {
  func reply(_ text: String) { checkVisible(TerminalText.visible(text)) }
  func endReply() {}
  func notice(_ text: String) { checkVisible(TerminalText.visible(text)) }
  func statistics(_ text: String) {}
  func problem(_ text: String) { require(!text.isEmpty, "a complaint of nothing") }
  func progress(_ text: String?) {}
}

extension Target {
  /// A saved chat: read, gone on with, and run again.
  static let session = Target {
    let conversation = try SmallChat.conversation()
    for question in ["Hello", "And \u{1F999}?"] {
      _ = try conversation.reply(to: question, interrupt: InterruptFlag()) { _ in }
    }
    let keeper = SessionKeeper(
      store: SessionStore(folder: "/nowhere", autosaveFolder: "/nowhere"), autosaves: false,
      warn: { _ in })
    let session = keeper.session(of: conversation, promptName: "teacher")
    return ["two-turns": SessionFile.encode(session)]
  } run: { input in
    var failure: (any Error)?
    do { try use(session: input) } catch { failure = error }
    var sealed = input
    sealed.put(UInt64(sealed.count), at: 8)
    sealed.sealEnd()
    try use(session: sealed)
    if let failure { throw failure }
  }

  private static func use(session bytes: [UInt8]) throws {
    var session = try SessionFile.decode(bytes, path: "x.chat")
    let again = try SessionFile.decode(SessionFile.encode(session), path: "again")
    require(again == session, "a session is read back as another")
    let conversation = try SmallChat.conversation()
    session.model = conversation.fingerprint
    _ = try conversation.restore(session, fingerprint: conversation.fingerprint)
    _ = try conversation.reply(to: "Go on", interrupt: InterruptFlag()) { _ in }
    // A context of any size may be asked for; a large one takes long to fill.
    session.settings = session.settings.fitted(to: min(256, session.settings.capacity))
    _ = try Replay(
      session, path: "x.chat", engine: conversation.engine, template: conversation.template
    ).run(interrupt: InterruptFlag())
  }

  /// Saved keys and values: read, and gone on from.
  static let kv = Target {
    let conversation = try SmallChat.conversation()
    _ = try conversation.reply(to: "Hello", interrupt: InterruptFlag()) { _ in }
    let path = Scratch.folder + "/seed.kv"
    try KVFile.write(
      conversation.cache, key: [UInt8](repeating: 7, count: KVFile.keyLength), to: path)
    return ["one-turn": [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))]
  } run: { input in
    var sealed = input
    sealed.put(UInt64(sealed.count), at: 8)
    sealed.sealEnd()
    let engine = try Engine(model: SmallChat.model, threads: 1)
    let cache = try KVCache(config: SmallChat.model.config, capacity: 128)
    try KVFile.read(
      into: cache, key: [UInt8](repeating: 7, count: KVFile.keyLength),
      from: Scratch.file("x.kv", sealed))
    require(cache.count <= 128, "more tokens than the cache holds")
    guard cache.count < 128 else { return }
    let logits = try engine.forward([1], cache: cache)
    var sampler = Sampler(temperature: 0.7, topP: 0.9, seed: 1)
    _ = try sampler.sample(logits, count: logits.count, position: cache.count)
    require(logits.allSatisfy(\.isFinite), "a token is drawn from NaN or infinity")
  }

  /// Lines of a chat: messages and commands, as typed and as a script.
  static let script = Target {
    let text = """
      Hello
      :temp 0.5
      :set tags allow
      :undo
      :redo
      :regen 2
      1
      :edit 1
      Hi
      :branch
      :probs
      :alt 1 2
      :continue
      :drop 1
      :history
      :ctx
      :stats
      :max 2
      :threads 1
      :system Be kind.
      :tokens ab <s>
      :model
      :help temp
      :save a
      :load a
      :sessions
      :export a.md !
      :clear
      \"\"\"
      two
      lines\"\"\"
      one \\
      more
      ::x
      :copy code 1
      """
    return [
      "all": Array(text.utf8), "nul": [0x3A, 0x74, 0, 0x0A], "crlf": Array("a\r\n:b\r\n".utf8),
    ]
  } run: { input in
    // Paths lead out of the scratch folder.
    let bytes = input.map { "/~@.".utf8.contains($0) ? UInt8(ascii: "_") : $0 }
    chdir(Scratch.folder("chat"))
    let text = try TextInput.decode(bytes, name: "x")
    for cut in [ScriptLines.Cut.message, .lines] {
      let lines = ScriptLines(text, name: "x", cut: cut)
      while try lines.read(prefill: nil, status: nil) != .endOfInput {}
    }
    let repl = Repl(
      conversation: try SmallChat.conversation(), prompts: PromptLibrary(folders: []),
      output: CheckedOutput(), interrupt: InterruptFlag())
    repl.sessions = SessionKeeper(
      store: SessionStore(
        folder: Scratch.folder("chat"), autosaveFolder: Scratch.folder("autosave")),
      autosaves: false, warn: { _ in })
    for line in text.split(separator: "\n").prefix(8) { _ = repl.completions(for: String(line)) }
    try repl.run(ScriptLines(text, name: "x", cut: .script))
  }
}
