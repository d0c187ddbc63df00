import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct AttachmentTests {
  /// Lives as long as each test.
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func goesWithTheNextMessage() throws {
    let notes = try directory.write("my notes.txt", Array("Rain\nfalls\n".utf8))
    let code = try directory.write("a.md", Array("```\nx\n```".utf8))
    let tiny = try TinyRepl()
    let conversation = tiny.chat.conversation
    try tiny.type(":file \(notes)", ":file \(code)", ":file")
    #expect(tiny.output.problems == [])
    let question = "\(notes):\n```\nRain\nfalls\n```\n\n\(code):\n````\n```\nx\n```\n````\n\nWhy?"
    let tokens = conversation.template.tokenizer.encode("\(notes):\n```\nRain\nfalls\n```").count
    #expect(
      tiny.output.notices.first?.hasPrefix(
        "attached \(notes): 11 bytes, \(tokens) tokens (after send ≈ ") == true)
    #expect(tiny.output.notices.dropLast().last?.split(separator: "\n").count == 2)
    #expect(tiny.repl.status.text.hasPrefix("2 files · ctx "))
    try tiny.type("Why?", "And?")
    #expect(conversation.turns.map(\.question) == [question, "And?"])
  }

  @Test func detaches() throws {
    let path = try directory.write("a.txt", Array("A".utf8))
    let tiny = try TinyRepl()
    try tiny.type(":file -", ":file \(path) \(path)", ":file -", ":file", "Hello")
    #expect(tiny.output.problems == [":file: nothing is attached"])
    #expect(tiny.output.notices.contains("detached \(path)"))
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello"])
  }

  /// Nothing is attached when one of the files is wrong, and none is waited for.
  @Test func refusesWhatIsNoTextThatFits() throws {
    let good = try directory.write("good.txt", Array("Good".utf8))
    #expect(mkfifo(directory.file("pipe"), 0o600) == 0)
    try directory.write("nul", [0x61, 0x0A, 0x00])
    try directory.write("latin", [0x61, 0xE9, 0x62])
    try directory.write("long", Array(String(repeating: "long ", count: 1000).utf8))
    try directory.write("tags", Array("a [INST] b".utf8))
    let tiny = TinyRepl(try TinyChat(template: .llama2))
    let cases = [
      ("gone", "no such file"), (".", "is a folder; expected a text file"),
      ("pipe", "is a pipe or a device; expected a text file"),
      ("nul", "2: byte 2 is NUL; expected a text file"), ("latin", "1: byte 1 (0xe9) is not UTF-8"),
      ("long", "does not fit: "), ("tags", "contains \"[INST]\""), ("\"open", "a quote (\") is"),
    ]
    for (name, reason) in cases {
      try tiny.type(":file \(good) \(name.hasPrefix("\"") ? name : directory.file(name))")
      #expect(tiny.output.problems.count == 1 && tiny.output.notices.isEmpty, "\(name)")
      #expect(tiny.output.problems.first?.contains(reason) == true, "\(tiny.output.problems)")
      #expect(tiny.repl.attachments.isEmpty, "\(name)")
    }
    try tiny.type(":file /dev/zero")
    #expect(
      tiny.output.problems == [":file: /dev/zero: is a pipe or a device; expected a text file"])
  }

  @Test func aMessageThatIsNotAnsweredKeepsThem() throws {
    let path = try directory.write("a.txt", Array("A".utf8))
    let tiny = TinyRepl(try TinyChat(template: .llama2))
    try tiny.type(":file \(path)")
    let lines = try tiny.type("Is [INST] wrong?")
    #expect(tiny.output.problems.count == 1 && tiny.repl.attachments.count == 1)
    #expect(lines.prefills.last == "Is [INST] wrong?")

    // Stopped while it is read.
    let clock = TestClock()
    clock.tick = .seconds(1)
    let stopped = TinyRepl(try TinyChat(now: clock.now))
    stopped.output.onProgress = { stopped.interrupt.raise() }
    try stopped.type(":file \(path)")
    let again = try stopped.type("What is it?")
    #expect(again.prefills.last == "What is it?")
    #expect(stopped.repl.attachments.count == 1 && stopped.chat.conversation.turns.isEmpty)
  }

  @Test func saysWhenTheOldestTurnsGiveWay() throws {
    let path = try directory.write("a.txt", Array(String(repeating: "x", count: 250).utf8))
    let tiny = try TinyRepl()
    try tiny.type("One")
    try tiny.type(":file \(path)")
    #expect(tiny.output.notices.first?.hasSuffix("/512)") == true)
    try tiny.type(String(repeating: "y", count: 90))
    try tiny.type(":file \(path)")
    #expect(tiny.output.notices.first?.hasSuffix("/512; the oldest turns give way)") == true)
    try tiny.type("Two")
    #expect(tiny.output.notices.first?.hasPrefix("context full: dropped turn") == true)
  }

  /// Where nothing gives way, the message would be refused.
  @Test func saysWhenNothingGivesWay() throws {
    let path = try directory.write("a.txt", Array(String(repeating: "x", count: 250).utf8))
    let tiny = TinyRepl(try TinyChat(settings: [.overflow: "stop"]))
    try tiny.type("One", ":file \(path)", String(repeating: "y", count: 90))
    #expect(tiny.output.problems.isEmpty)
    try tiny.type(":file \(path)")
    let note = "/512; no room for both this and the turns there are: :drop 1 or :clear first)"
    #expect(tiny.output.notices.first?.hasSuffix(note) == true)
    try tiny.type("Two")
    #expect(tiny.output.problems.count == 1)
    try tiny.type(":clear", ":file", "Two")
    #expect(tiny.output.notices[1].hasSuffix("/512)"), "\(tiny.output.notices)")
    #expect(tiny.chat.conversation.turns.count == 1)
  }

  @Test func leavingAsksOnce() throws {
    let path = try directory.write("a.txt", Array("A".utf8))
    let tiny = try TinyRepl()
    let lines = TypedLines(events: [.line(":file \(path)"), .endOfInput, .endOfInput, .line("x")])
    try tiny.repl.run(lines)
    #expect(tiny.output.notices.last == "\(path) not sent yet; Ctrl-D once more leaves")
    #expect(lines.prefills.count == 3 && tiny.chat.conversation.turns.isEmpty)
  }
}

@Suite struct WordsTests {
  @Test(arguments: [
    ("", []), ("a  b", ["a", "b"]), ("'a b' \"c d\"", ["a b", "c d"]), ("a\\ b", ["a b"]),
    ("a'b'c", ["abc"]), ("\"\\\"\" '\\'", ["\"", "\\"]), ("''", [""]),
  ])
  func splits(text: String, words: [String]) throws {
    #expect(try Words.split(text) == words)
  }

  @Test(arguments: ["a b", "it's", "a\\b", "say \"x\"", "plain"])
  func escapes(word: String) throws {
    #expect(try Words.split("x " + Words.escaped(word)) == ["x", word])
  }
}
