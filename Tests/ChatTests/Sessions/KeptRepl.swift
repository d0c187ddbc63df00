import Foundation
import TestSupport

@testable import Chat

/// A REPL whose chats are kept in a temporary folder.
struct KeptRepl {
  let directory: TemporaryDirectory
  let tiny: TinyRepl
  let keeper: SessionKeeper
  let warnings = Warnings()

  final class Warnings {
    var texts: [String] = []
  }

  init(
    _ chat: TinyChat? = nil, in directory: TemporaryDirectory? = nil, autosaves: Bool = true,
    state: String = "state"
  ) throws {
    self.directory = try directory ?? TemporaryDirectory()
    tiny = TinyRepl(try chat ?? TinyChat())
    let warnings = warnings
    keeper = SessionKeeper(
      store: SessionStore(
        folder: self.directory.file("data"), autosaveFolder: self.directory.file(state)),
      autosaves: autosaves
    ) { warnings.texts.append($0) }
    tiny.repl.sessions = keeper
  }

  var conversation: Conversation { tiny.chat.conversation }
  var notices: [String] { tiny.output.notices }
  var problems: [String] { tiny.output.problems }

  func saved(_ name: String) -> String { directory.file("data/\(name).chat") }

  /// The files of a folder, sorted.
  func files(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.file(folder))) ?? []).sorted()
  }
}

/// Runs `body` in a folder that nobody may write to; `false` where permissions do not bind (as root).
func withReadOnly(_ path: String, _ body: () throws -> Void) throws -> Bool {
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: path)
  defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path) }
  guard !FileManager.default.createFile(atPath: path + "/probe", contents: nil) else {
    return false
  }
  try body()
  return true
}
