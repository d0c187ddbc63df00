import Foundation
import Inference
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct SessionCommandTests {
  @Test func aLoadedChatGoesOnAsIfItHadNeverEnded() throws {
    let kept = try KeptRepl(try TinyChat(settings: [.temp: "1.3"]))
    try kept.tiny.type("One", "Two", ":save trip")
    #expect(kept.notices.last?.hasPrefix("saved 2 turns as trip, ") == true)
    let other = try KeptRepl(try TinyChat(settings: [.seed: "99"]), in: kept.directory)
    try other.tiny.type("Something else", ":load trip")
    #expect(other.notices.last?.hasPrefix("loaded 2 turns; ") == true)
    #expect(other.conversation.turns == kept.conversation.turns)
    #expect(other.conversation.settings == kept.conversation.settings)
    try kept.tiny.type("Three", "Four")
    try other.tiny.type("Three", "Four")
    #expect(other.conversation.turns == kept.conversation.turns)
  }

  @Test func keysAndValuesNeedNotBeReadAgain() throws {
    for type in KVType.allCases {
      let kept = try KeptRepl(try TinyChat(kvType: type))
      try kept.tiny.type("One", "Two", ":save trip --kv")
      let sizes = kept.notices.filter { $0.hasPrefix("kv: ") }
      #expect(sizes.count == 2)
      #expect(sizes.first?.hasPrefix("kv: writing ") == true)
      let held = kept.conversation.cache.tokens
      let other = try KeptRepl(try TinyChat(kvType: type), in: kept.directory)
      try other.tiny.type(":load trip")
      #expect(other.conversation.cache.tokens == held)
      #expect(other.notices.last?.hasPrefix("loaded 2 turns; kv matches: ") == true)
      try kept.tiny.type("Three")
      try other.tiny.type("Three")
      #expect(other.tiny.repl.statistics.last?.cached == kept.tiny.repl.statistics.last?.cached)
      #expect(other.conversation.turns == kept.conversation.turns)
    }
  }

  @Test func keysAndValuesThatDoNotFitAreReadAgain() throws {
    let kept = try KeptRepl()
    try kept.tiny.type(
      "One", ":save trip --kv", "Two", ":save later", ":clear", "Other words", ":save far")
    let data = FileManager.default
    try data.copyItem(
      atPath: kept.directory.file("data/trip.kv"), toPath: kept.directory.file("data/far.kv"))
    let other = try KeptRepl(try TinyChat(kvType: .q8), in: kept.directory)
    try other.tiny.type(":load trip")
    #expect(other.notices.last?.contains("kv not used: ") == true)
    #expect(other.notices.last?.contains("KV type is 0; this chat has 2") == true)
    #expect(other.notices.last?.contains("must be re-read") == true)

    let far = try KeptRepl(in: kept.directory)
    try far.tiny.type(":load far")
    #expect(far.notices.last?.contains("kv holds other tokens from position ") == true)
    try far.tiny.type("Go on")
    try kept.tiny.type("Go on")
    #expect(far.conversation.turns == kept.conversation.turns)

    let path = kept.directory.file("data/trip.kv")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[bytes.count / 2] ^= 1
    try kept.directory.write("data/trip.kv", bytes)
    try far.tiny.type(":load trip")
    #expect(far.notices.last?.contains("the file is damaged") == true)
    #expect(far.conversation.cache.count == 0)
    #expect(far.conversation.turns.count == 1)
  }

  @Test func ofAnotherModelOnlyTheTextIsTaken() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", ":save trip")
    var session = try SessionFile.read(path: kept.saved("trip"))
    session.model.weights ^= 1
    session.modelName = "other.bin"
    try SessionFile.write(session, to: kept.saved("trip"))
    let other = try KeptRepl(in: kept.directory)
    try other.tiny.type(":load trip")
    let notice = try #require(other.notices.last)
    #expect(
      notice.hasPrefix(
        "loaded 1 turn, the text only: it was made with other.bin, which has other weights; "))
    #expect(other.conversation.turns.map(\.answer) == kept.conversation.turns.map(\.answer))
    #expect(other.conversation.turns.first?.record == nil)
  }

  @Test func anotherChatIsNotReplacedByMistake() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", ":save trip", "Two", ":save trip", ":save")
    #expect(kept.problems.isEmpty)
    #expect(try SessionFile.read(path: kept.saved("trip")).turns.count == 2)
    try kept.tiny.type(":clear", "Three", ":save trip")
    #expect(
      kept.problems == [
        ":save: \"trip\" is another chat; choose another name, or replace it by :save trip !"
      ])
    #expect(try SessionFile.read(path: kept.saved("trip")).turns.count == 2)
    try kept.tiny.type(":save trip !")
    #expect(try SessionFile.read(path: kept.saved("trip")).turns.count == 1)
    #expect(kept.files(in: "data") == ["trip.chat"])
    let mode = try FileManager.default.attributesOfItem(atPath: kept.saved("trip"))
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test(arguments: [
    (":save", ":save: there are no turns yet"),
    (":load", ":load: expected a name; :sessions lists them"),
    (":load x", ":load: no saved chat \"x\"; there are none in "),
    (":load ../x", ":load: expected a name of letters, digits, "),
    (":export", ":export: expected a file's name, as in :export chat.md"),
    (":export x.md", ":export: there are no turns yet"),
  ])
  func refuses(line: String, problem: String) throws {
    let kept = try KeptRepl()
    try kept.tiny.type(line)
    #expect(kept.problems.count == 1)
    #expect(kept.problems.first?.hasPrefix(problem) == true, "\(kept.problems)")
    #expect(kept.files(in: "data").isEmpty)
  }

  @Test func badNamesAreRefused() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", ":save ../x", ":save a b", ":save --all", ":save .x", ":save é")
    #expect(kept.problems.count == 5)
    #expect(kept.files(in: "data").isEmpty)
    let tiny = try TinyRepl()
    try tiny.type("One", ":save x", ":load x", ":sessions")
    #expect(tiny.output.problems.count == 3)
    #expect(
      tiny.output.problems.first
        == ":save: there is no folder for saved chats; set HOME or XDG_DATA_HOME")
  }

  @Test func aDamagedChatChangesNothing() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", ":save trip")
    try kept.directory.write("data/bad.chat", Array("LCS1 and nothing else besides".utf8))
    let turns = kept.conversation.turns
    try kept.tiny.type(":load bad", ":load tri", ":sessions")
    #expect(kept.problems.count == 2)
    #expect(kept.problems.first?.contains("bad.chat: version is ") == true)
    #expect(kept.problems.last == ":load: no saved chat \"tri\"; did you mean trip?")
    #expect(kept.conversation.turns == turns)
    let list = try #require(kept.notices.last).split(separator: "\n")
    #expect(list.count == 3)
    #expect(list.contains { $0.contains("bad") && $0.contains("version is") })
    #expect(list.contains { $0.hasPrefix("trip") && $0.contains("saved") && $0.contains("1 turn") })
    #expect(list.contains { $0.contains("kept") && $0.contains("1 turn") })
  }

  @Test func aSystemPromptThatDoesNotFitChangesNothing() throws {
    let kept = try KeptRepl()
    try kept.tiny.type(":system " + String(repeating: "x", count: 200), "One", ":save long")
    let small = try KeptRepl(try TinyChat(capacity: 128), in: kept.directory)
    try small.tiny.type("Mine")
    let before = (small.conversation.turns, small.conversation.settings)
    try small.tiny.type(":load long")
    #expect(small.problems.first?.hasPrefix(":load: the system prompt takes ") == true)
    #expect(small.conversation.turns == before.0)
    #expect(small.conversation.settings == before.1)
    #expect(small.conversation.system == "Be brief.")
  }

  @Test func exportsTheWholeChat() throws {
    let kept = try KeptRepl(try TinyChat(capacity: 160))
    let path = kept.directory.file("chat.md")
    try kept.tiny.type(
      "Number 1 is \u{1B}[31m", "Number 2", "Number 3", "Number 4", ":export \(path)")
    #expect(!kept.conversation.leftOutTurns.isEmpty)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for number in 1...4 { #expect(text.contains("## You\n\nNumber \(number)")) }
    #expect(text.contains("> Be brief."))
    #expect(!text.contains("\u{1B}"))
    try kept.tiny.type("Number 5", ":export \(path)", ":export \(path) !")
    #expect(kept.problems == [":export: \(path) exists; replace it by :export \(path) !"])
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains("Number 5"))
  }

  @Test func namesAreCompleted() throws {
    let kept = try KeptRepl(autosaves: false)
    try kept.tiny.type("One", ":save trip", ":save train")
    #expect(kept.tiny.repl.completions(for: ":load tr") == [":load train", ":load trip"])
    let folder = kept.directory.path
    #expect(kept.tiny.repl.completions(for: ":export \(folder)/da") == [":export \(folder)/data/"])
  }
}
