import Foundation
import Inference
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct AutosaveTests {
  @Test func everyTurnIsKeptAtOnce() throws {
    let kept = try KeptRepl()
    var counts: [Int] = []
    kept.tiny.output.onReply = {
      // Before this turn is complete the file holds those before it.
      let model = kept.conversation.fingerprint
      counts.append((try? kept.keeper.lastChat(with: model).session.turns.count) ?? 0)
    }
    try kept.tiny.type("One", "Two", "Three")
    #expect(Set(counts) == [0, 1, 2])
    let last = try kept.keeper.lastChat(with: kept.conversation.fingerprint)
    #expect(last.session.turns == kept.conversation.turns)
    #expect(kept.files(in: "state").count == 1)
    #expect(kept.keeper.isKept)
  }

  @Test func takenBackTurnsAreTakenBackInTheFile() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", "Two", ":undo")
    let model = kept.conversation.fingerprint
    #expect(try kept.keeper.lastChat(with: model).session.turns.count == 1)
    // A cleared chat stays as it was; the next is another.
    try kept.tiny.type(":clear", "Three")
    #expect(kept.files(in: "state").count == 2)
    #expect(try kept.keeper.lastChat(with: model).session.turns.map(\.question) == ["Three"])
  }

  @Test func goesOnInTheSameFileUnlessAnotherProgramDid() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One")
    let model = kept.conversation.fingerprint
    func resumed() throws -> KeptRepl {
      let other = try KeptRepl(in: kept.directory)
      let last = try other.keeper.lastChat(with: model)
      let text = try other.tiny.repl.resume(
        last.session, from: last.path, name: nil, isAutosave: true)
      #expect(text.hasPrefix("loaded "))
      return other
    }
    let first = try resumed()
    let second = try resumed()
    try first.tiny.type("Two")
    #expect(kept.files(in: "state").count == 1)
    try second.tiny.type("Zwei")
    #expect(kept.files(in: "state").count == 2)
    let sessions = try kept.keeper.store.entries.map { try SessionFile.read(path: $0.path) }
    #expect(Set(sessions.map { $0.turns.last?.question }) == ["Two", "Zwei"])
  }

  @Test func chatsOfOtherModelsArePassedOver() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One")
    let entry = try #require(kept.keeper.store.entries.first)
    var session = try SessionFile.read(path: entry.path)
    session.model.fileSize += 1
    try SessionFile.write(session, to: kept.directory.file("state/zzz.chat"))
    try kept.directory.write("state/broken.chat", [1, 2, 3])
    let last = try kept.keeper.lastChat(with: kept.conversation.fingerprint)
    #expect(last.path == entry.path)
    #expect(kept.warnings.texts.count == 1)
    #expect(kept.warnings.texts.first?.contains("broken.chat: does not begin") == true)
    session.model.vocabulary ^= 1
    let error = #expect(throws: SessionNameError.self) {
      try kept.keeper.lastChat(with: session.model)
    }
    #expect(error?.kind == .damagedFile)
    #expect(error?.reason.contains("start without --continue") == true)
  }

  /// A chat that is left for a loaded one can be gone back to, and neither takes the other's place in a file.
  @Test func aLoadedChatLosesNothing() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("Alpha", ":save a", ":clear", "Beta", "Gamma")
    let left = kept.conversation.turns
    try kept.tiny.type(":load a", "Delta")
    #expect(kept.conversation.turns.map(\.question) == ["Alpha", "Delta"])
    let number = try #require(kept.conversation.branches.firstIndex { $0.turns == left }) + 1
    try kept.tiny.type(":branch \(number)", "Epsilon")
    #expect(kept.conversation.turns.map(\.question) == ["Beta", "Gamma", "Epsilon"])
    let chats = try kept.files(in: "state").filter { $0.hasSuffix(".chat") }.map {
      try SessionFile.read(path: kept.directory.file("state/" + $0)).turns.map(\.question)
    }
    #expect(chats.contains(["Alpha", "Delta"]) && chats.contains(["Beta", "Gamma", "Epsilon"]))

    let unkept = try KeptRepl(autosaves: false)
    try unkept.tiny.type("Alpha", ":save a", ":clear", "Beta", ":load a")
    #expect(unkept.conversation.branches.map { $0.turns.map(\.question) } == [["Beta"]])
  }

  @Test func aClearedChatDoesNotTakeTheNextOnesPlace() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("Alpha", ":clear", "Beta", ":branch 1", "Gamma")
    let chats = try kept.files(in: "state").filter { $0.hasSuffix(".chat") }.map {
      try SessionFile.read(path: kept.directory.file("state/" + $0)).turns.map(\.question)
    }
    #expect(chats.contains(["Beta"]) && chats.contains(["Alpha", "Gamma"]))
  }

  @Test func nothingIsWrittenWhenNotAskedTo() throws {
    let kept = try KeptRepl(autosaves: false)
    try kept.tiny.type("One")
    let empty = try KeptRepl()
    try empty.tiny.type(":temp 0.9")
    #expect(kept.files(in: ".").isEmpty)
    #expect(empty.files(in: ".").isEmpty)
    #expect(!empty.keeper.isKept)
  }

  @Test func aFolderThatCannotBeWrittenIsAWarningAndTheChatGoesOn() throws {
    let kept = try KeptRepl(state: "file/state")
    try kept.directory.write("file", [])
    try kept.tiny.type("One", "Two")
    #expect(kept.conversation.turns.count == 2)
    #expect(kept.warnings.texts.count == 1)
    #expect(kept.warnings.texts.first?.hasSuffix("; this chat is not kept") == true)
    #expect(kept.warnings.texts.first?.contains("file/state: cannot be created: ") == true)

    // Kept again, and then not: that is told again.
    try FileManager.default.removeItem(atPath: kept.directory.file("file"))
    try kept.tiny.type("Three")
    #expect(kept.keeper.isKept && kept.warnings.texts.count == 1)
    try FileManager.default.removeItem(atPath: kept.directory.file("file"))
    try kept.directory.write("file", [])
    try kept.tiny.type("Four")
    #expect(!kept.keeper.isKept && kept.warnings.texts.count == 2)

    let readOnly = try KeptRepl()
    let binds = try withReadOnly(readOnly.directory.file("state")) {
      try readOnly.tiny.type("One", "Two")
      #expect(readOnly.warnings.texts.count == 1)
      #expect(readOnly.conversation.turns.count == 2)
    }
    if !binds { print("skipped: read-only folders, which do not bind this user") }
  }

  @Test func oldChatsAreTrimmedAndLeftoversRemoved() throws {
    let kept = try KeptRepl()
    try FileManager.default.createDirectory(
      atPath: kept.directory.file("state"), withIntermediateDirectories: true)
    let long = Date(timeIntervalSinceNow: -100_000)
    for number in 0..<SessionStore.autosaveCapacity + 5 {
      let path = try kept.directory.write("state/old-\(number).chat", [])
      try FileManager.default.setAttributes(
        [.modificationDate: long + Double(number)], ofItemAtPath: path)
    }
    let part = try kept.directory.write("state/.x.chat.part-1", [])
    try FileManager.default.setAttributes([.modificationDate: long], ofItemAtPath: part)
    try kept.directory.write("state/.y.chat.part-1", [])
    try kept.tiny.type("One")
    let files = kept.files(in: "state")
    #expect(files.count == SessionStore.autosaveCapacity + 2)
    #expect(!files.contains("old-4.chat"))
    #expect(files.contains("old-5.chat"))
    #expect(!files.contains(".x.chat.part-1"))
    #expect(files.contains(".y.chat.part-1"))
  }

  @Test func foldersFollowTheXDGRules() {
    let home = SessionStore(environment: ["HOME": "/h", "XDG_DATA_HOME": "rel"])
    #expect(home?.folder == "/h/.local/share/llama-chat/sessions")
    #expect(home?.autosaveFolder == "/h/.local/state/llama-chat/autosave")
    let named = SessionStore(environment: ["XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s"])
    #expect(named?.folder == "/d/llama-chat/sessions")
    #expect(named?.autosaveFolder == "/s/llama-chat/autosave")
    #expect(SessionStore(environment: ["HOME": ""]) == nil)
  }
}
