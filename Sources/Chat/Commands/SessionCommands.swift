import Foundation
import Inference
import ModelFile

extension CommandTable {
  /// Commands on saved chats.
  static let sessions: [Command] = [
    Command(
      "save", usage: "[NAME] [--kv] [!]",
      summary: "save the chat, with --kv what was read too; ! replaces another",
      example: ":save holidays --kv", group: .sessions, argument: .words(["--kv"]),
      run: { try $0.save($1) }),
    Command(
      "load", usage: "NAME", summary: "go on with a saved chat", example: ":load holidays",
      group: .sessions, argument: .sessionName, run: { try $0.load($1) }),
    Command(
      "sessions", summary: "list saved chats, the latest last", example: ":sessions",
      group: .sessions, run: { repl, _ in try repl.listSessions() }),
    Command(
      "export", usage: "FILE.md [!]", summary: "write the chat as text; ! replaces a file",
      example: ":export chat.md", group: .sessions, argument: .file, run: { try $0.export($1) }),
  ]
}

extension Repl {
  private func keeper(for command: String) throws -> SessionKeeper {
    guard let sessions else {
      throw CommandError(command, "there is no folder for saved chats; set HOME or XDG_DATA_HOME")
    }
    return sessions
  }

  /// `:save [NAME] [--kv] [!]`.
  func save(_ text: String) throws {
    let keeper = try self.keeper(for: "save")
    var words = text.split(separator: " ").map(String.init)
    let replaces = words.contains("!")
    let savesCache = words.contains("--kv")
    words.removeAll { $0 == "!" || $0 == "--kv" }
    guard words.count <= 1, words.first?.hasPrefix("--") != true else {
      throw CommandError("save", "expected [NAME] [--kv] [!], got \"\(text)\"")
    }
    guard !conversation.turns.isEmpty else { throw CommandError("save", "there are no turns yet") }
    let name = words.first ?? keeper.nameForSaving()
    let saved = try keeper.save(
      conversation, promptName: promptName, as: name, replaces: replaces)
    let turns = counted(conversation.leftOutTurns.count + conversation.turns.count, "turn")
    output.notice(
      "saved \(turns) as \(name), \(SizeText.bytes(saved.bytes)); :load \(name) brings it back")
    if savesCache { try saveCache(besides: saved.path, keeper) }
  }

  /// Says how large it will be before it is written.
  private func saveCache(besides path: String, _ keeper: SessionKeeper) throws {
    let cache = conversation.cache
    guard cache.count > 0 else {
      output.notice("kv: nothing is read yet, so nothing is saved of it")
      return
    }
    let kvPath = SessionStore.kvPath(for: path)
    let size = SizeText.bytes(KVFile.byteCount(of: cache))
    output.notice("kv: writing \(size) (\(counted(cache.count, "token"))) to \(kvPath)")
    interrupt.clear()
    do {
      try KVFile.write(
        cache, key: keeper.fingerprint(of: conversation).key, to: kvPath, interrupt: interrupt)
    } catch let stop as Interrupted {
      guard mode == .interactive else { throw stop }
      output.notice("stopped; the chat is saved, its kv is not")
      return
    }
    output.notice("kv: saved")
  }

  /// `:load NAME`.
  func load(_ name: String) throws {
    let keeper = try self.keeper(for: "load")
    guard !name.isEmpty else {
      throw CommandError("load", "expected a name; :sessions lists them")
    }
    let path = try keeper.store.existingPath(named: name)
    let isAutosave = path.hasPrefix(keeper.store.autosaveFolder + "/")
    let session = try SessionFile.read(path: path)
    output.notice(
      try resume(session, from: path, name: isAutosave ? nil : name, isAutosave: isAutosave))
  }

  /// Goes on with a session.
  ///
  /// - Parameters:
  ///   - path: Its file; keys and values may be beside it.
  ///   - name: The name it was saved under.
  ///   - isAutosave: Whether the file is the one that is kept after each turn.
  /// - Throws: ``ChatError`` when the chat does not fit; nothing is changed then.
  /// - Returns: What was loaded, and what it costs to go on.
  public func resume(
    _ session: Session, from path: String, name: String?, isAutosave: Bool
  ) throws -> String {
    let keeper = sessions
    let fingerprint = keeper?.fingerprint(of: conversation) ?? conversation.fingerprint
    let restored = try conversation.restore(session, fingerprint: fingerprint)
    promptName = session.promptName
    borrowed = nil
    noteOrigins(of: Settings.Key.allCases.filter { !$0.isForShow }, .savedChat)
    for key in [ConfigKey.system, .prompt] { noteOrigin(of: key, .savedChat) }
    let turns = counted(session.allTurns.count, "turn")
    switch restored {
    case .textOnly(let reason):
      keeper?.startNew()
      return "loaded \(turns), the text only: it \(reason); \(rereading)"
    case .whole:
      keeper?.resume(session, name: name, autosavePath: isAutosave ? path : nil)
      let cost = restoreCache(besides: path, fingerprint)
      return "loaded \(turns); \(cost)\(remark(on: session))"
    }
  }

  /// What is different now from when the chat was saved.
  private func remark(on session: Session) -> String {
    var parts: [String] = []
    if session.template != conversation.template.kind {
      parts.append("template \(session.template.name) → \(conversation.template.kind.name)")
    }
    if session.settings.maxTokens != conversation.settings.maxTokens {
      let now = conversation.settings.maxTokens
      parts.append("max \(session.settings.maxTokens) → \(now)")
    }
    return parts.isEmpty ? "" : "; " + parts.joined(separator: ", ")
  }

  /// Takes what was read from the file beside a session, if there is one, and says what is left to read.
  private func restoreCache(besides path: String, _ fingerprint: ModelFingerprint) -> String {
    let kvPath = SessionStore.kvPath(for: path)
    guard (try? System.status(of: kvPath)) != nil else { return rereading }
    do {
      interrupt.clear()
      try KVFile.read(
        into: conversation.cache, key: fingerprint.key, from: kvPath, interrupt: interrupt)
    } catch is Interrupted {
      return "kv: stopped; \(rereading)"
    } catch {
      return "kv not used: \((error as? any Failure)?.description ?? "\(error)"); \(rereading)"
    }
    let tokens = conversation.template.encode(
      system: conversation.system, turns: conversation.turns)
    let common = conversation.cache.commonPrefix(with: tokens)
    let left = tokens.count - common
    // A reply's own tokens are often not those its text is encoded to; they are read again in any case.
    let drawn = conversation.turns.last?.record.map { $0.prompt + $0.tokens } ?? []
    let isOfThisChat =
      common == min(tokens.count, conversation.cache.count)
      || drawn.starts(with: conversation.cache.tokens)
    guard !isOfThisChat else {
      return "kv matches: \(counted(common, "token")) need not be read again, \(left) are to be"
    }
    return "kv holds other tokens from position \(common) on; \(rereading)"
  }

  /// `:sessions`: the latest last, next to the prompt.
  func listSessions() throws {
    let keeper = try self.keeper(for: "sessions")
    try keeper.store.checkFolders()
    let model = keeper.fingerprint(of: conversation)
    var rows: [[String]] = []
    for entry in keeper.store.entries.reversed() {
      let date = SessionKeeper.text(
        Date(timeIntervalSince1970: entry.changedAt), format: "yyyy-MM-dd HH:mm")
      let kind = entry.isAutosave ? "kept" : "saved"
      do {
        let session = try SessionFile.read(path: entry.path)
        let kvPath = SessionStore.kvPath(for: entry.path)
        let kv = (try? System.status(of: kvPath)).map {
          "kv " + SizeText.bytes($0.version.size)
        }
        let other = session.model == model ? nil : session.modelName
        let remarks = [kv, other].compactMap { $0 }.joined(separator: " · ")
        rows.append([
          entry.name, kind, date, counted(session.allTurns.count, "turn"),
          counted(session.contextUsed, "token"), remarks,
        ])
      } catch {
        rows.append([entry.name, kind, date, (error as? any Failure)?.reason ?? "\(error)"])
      }
    }
    guard !rows.isEmpty else {
      output.notice("no chats in \(keeper.store.folder) or \(keeper.store.autosaveFolder)")
      return
    }
    let widths = (0..<5).map { column in
      rows.compactMap { $0.count == 6 || column < 3 ? $0[column].count : nil }.max() ?? 0
    }
    output.notice(
      rows.map { row in
        var line = row.enumerated().map { index, text in
          index + 1 < row.count ? padded(text, to: widths[index]) : text
        }.joined(separator: "  ")
        while line.hasSuffix(" ") { line.removeLast() }
        return line
      }.joined(separator: "\n"))
  }

  /// `:export FILE.md [!]`.
  func export(_ text: String) throws {
    let replaces = text.hasSuffix(" !")
    let typed = replaces ? String(text.dropLast(2)).strippedAsInPython : text
    guard !typed.isEmpty, typed != "!" else {
      throw CommandError("export", "expected a file's name, as in :export chat.md")
    }
    guard !conversation.turns.isEmpty else {
      throw CommandError("export", "there are no turns yet")
    }
    let path = (typed as NSString).expandingTildeInPath
    if !replaces, (try? System.status(of: path)) != nil {
      throw CommandError("export", "\(typed) exists; replace it by :export \(typed) !")
    }
    let bytes = Array(Transcript.markdown(of: conversation).utf8)
    try OutputFile.write(bytes, to: path)
    let turns = counted(conversation.leftOutTurns.count + conversation.turns.count, "turn")
    output.notice("wrote \(turns), \(SizeText.bytes(bytes.count)), to \(typed)")
  }
}
