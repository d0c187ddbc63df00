import Foundation
import Inference
import ModelFile

/// Keeps one REPL's chat in files: after every turn, and when asked to.
public final class SessionKeeper {
  /// The folders.
  public let store: SessionStore
  /// Whether the chat is kept without being asked to.
  public let autosaves: Bool
  /// The name it was last saved or loaded under.
  private(set) var name: String?

  private let now: () -> Date
  private let warn: (String) -> Void
  /// Computed once: it reads samples from all over the model file.
  private var knownFingerprint: ModelFingerprint?
  private var chatID = UInt64.random(in: 1 ... .max)
  private var autosavePath: String?
  /// The autosave as it was last written or read here: another program may have gone on with it.
  private var autosaveStatus: FileStatus?
  private var lastSaved: State?
  private var hasWarned = false

  /// What is compared to tell whether there is anything new to keep.
  private struct State: Equatable {
    var turns: [Turn]
    var leftOut: [Turn]
    var system: String?
    var settings: Settings
    var generatorState: UInt64
  }

  /// A keeper of a new chat.
  ///
  /// - Parameters:
  ///   - autosaves: Whether to keep the chat after every turn.
  ///   - now: The clock, for tests.
  ///   - warn: Told once when the chat cannot be kept.
  public init(
    store: SessionStore, autosaves: Bool, now: @escaping () -> Date = { Date() },
    warn: @escaping (String) -> Void
  ) {
    self.store = store
    self.autosaves = autosaves
    self.now = now
    self.warn = warn
  }

  func fingerprint(of conversation: Conversation) -> ModelFingerprint {
    if let knownFingerprint { return knownFingerprint }
    let fingerprint = conversation.fingerprint
    knownFingerprint = fingerprint
    return fingerprint
  }

  /// The chat as it is now.
  func session(of conversation: Conversation, promptName: String?) -> Session {
    Session(
      id: chatID, savedAt: Int64(now().timeIntervalSince1970),
      model: fingerprint(of: conversation), modelName: conversation.modelName,
      template: conversation.template.kind, kvType: conversation.cache.type,
      settings: conversation.settings, generatorState: conversation.sampler.generatorState,
      promptName: promptName, system: conversation.system, contextUsed: conversation.used,
      leftOut: conversation.leftOutTurns, turns: conversation.turns)
  }

  /// The next turns belong to a new chat: what was kept of the old one stays as it is.
  func startNew() {
    chatID = UInt64.random(in: 1 ... .max)
    autosavePath = nil
    autosaveStatus = nil
    lastSaved = nil
    name = nil
  }

  /// Goes on with a chat from a file.
  func resume(_ session: Session, name: String?, autosavePath path: String?) {
    startNew()
    chatID = session.id
    self.name = name
    autosavePath = path
    autosaveStatus = path.flatMap { try? System.status(of: $0) }
  }

  // MARK: - Autosave

  /// Whether the chat as it is now can be continued after the program's end.
  public private(set) var isKept = false

  /// Keeps the chat, if it has turns and anything changed since the last time.
  ///
  /// A failure is told once until it is over; the chat goes on, and the next turn tries again.
  func autosave(_ conversation: Conversation, promptName: String?) {
    guard autosaves, !conversation.turns.isEmpty else { return }
    let state = State(
      turns: conversation.turns, leftOut: conversation.leftOutTurns, system: conversation.system,
      settings: conversation.settings, generatorState: conversation.sampler.generatorState)
    guard state != lastSaved else { return }
    do {
      let path = try pathForAutosave()
      try SessionFile.write(session(of: conversation, promptName: promptName), to: path)
      autosavePath = path
      autosaveStatus = try? System.status(of: path)
      lastSaved = state
      isKept = true
      hasWarned = false
    } catch {
      isKept = false
      guard !hasWarned else { return }
      hasWarned = true
      warn("\((error as? any Failure)?.description ?? "\(error)"); this chat is not kept")
    }
  }

  private func pathForAutosave() throws -> String {
    if let autosavePath, let autosaveStatus,
      let found = try? System.status(of: autosavePath), found == autosaveStatus
    {
      return autosavePath
    }
    // A chat of this program, or one that another program has gone on with meanwhile.
    try SessionStore.create(folder: store.autosaveFolder)
    store.trimAutosaves()
    let stem = "\(Self.stamp(now()))-\(System.processID)"
    for number in 1... {
      let name = number == 1 ? stem : "\(stem)-\(number)"
      let path = "\(store.autosaveFolder)/\(name)\(SessionStore.ending)"
      if (try? System.status(of: path)) == nil { return path }
    }
    return store.autosaveFolder + "/" + stem + SessionStore.ending
  }

  /// `2026-01-31-235959`, local time.
  private static func stamp(_ date: Date) -> String {
    text(date, format: "yyyy-MM-dd-HHmmss")
  }

  /// A date in a fixed format, local time.
  static func text(_ date: Date, format: String) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = format
    return formatter.string(from: date)
  }

  /// The last chat with a model.
  ///
  /// Files that cannot be read are passed over with a warning.
  ///
  /// - Throws: ``SessionNameError`` when there is none, or the folder cannot be read.
  public func lastChat(with model: ModelFingerprint) throws -> (session: Session, path: String) {
    try store.checkFolders()
    for entry in store.entries where entry.isAutosave {
      do {
        let session = try SessionFile.read(path: entry.path)
        if session.model == model { return (session, entry.path) }
      } catch {
        warn("\((error as? any Failure)?.description ?? "\(error)"); looking for an older chat")
      }
    }
    throw SessionNameError(
      place: store.autosaveFolder,
      reason: "holds no chat with this model to continue; start without --continue")
  }

  // MARK: - Saving

  /// Where `:save` without a name goes.
  func nameForSaving() -> String { name ?? "chat-" + Self.stamp(now()) }

  /// Saves under a name.
  ///
  /// - Parameter replaces: Whether another chat of that name may be replaced.
  /// - Throws: ``SessionNameError``, `ModelFileError`.
  /// - Returns: The path, and the bytes written.
  func save(
    _ conversation: Conversation, promptName: String?, as name: String, replaces: Bool
  ) throws -> (path: String, bytes: Int) {
    let path = try store.path(named: name)
    let isOther = try holdsAnotherChat(path)
    if isOther, !replaces {
      throw SessionNameError(
        reason: "\"\(name)\" is another chat; choose another name, or replace it by"
          + " :save \(name) !", kind: .usage)
    }
    try SessionStore.create(folder: store.folder)
    let bytes = SessionFile.encode(session(of: conversation, promptName: promptName))
    try OutputFile.write(bytes, to: path, isPrivate: true)
    // Keys and values of the chat that was replaced.
    if isOther { System.remove(SessionStore.kvPath(for: path)) }
    self.name = name
    return (path, bytes.count)
  }

  /// A file that cannot be read is another chat too.
  private func holdsAnotherChat(_ path: String) throws -> Bool {
    guard (try? System.status(of: path)) != nil else { return false }
    return (try? SessionFile.read(path: path).id) != chatID
  }
}
