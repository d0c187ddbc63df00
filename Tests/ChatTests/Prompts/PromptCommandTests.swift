import Foundation
import Inference
import TestSupport
import Testing

@testable import Chat

/// `:prompt` with messages: what it sends, and what it leaves as it was.
@Suite struct PromptCommandTests {
  /// Lives as long as each test.
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let demo = """
    ---
    system: You are {{mood}}.
    temp: 0.2
    max: 5
    args: topic, mood=calm
    ---
    Explain {{topic}}. {{input}}
    %%
    Give an example.
    """

  private func tiny() throws -> TinyRepl {
    try directory.write("demo.md", Array(Self.demo.utf8))
    try directory.write("joke.txt", Array("Tell a joke.".utf8))
    try directory.write("long.txt", Array(String(repeating: "long ", count: 300).utf8))
    return TinyRepl(try TinyChat(), prompts: [directory.path])
  }

  @Test func sendsItsMessagesUnderItsSettings() throws {
    let tiny = try tiny()
    let conversation = tiny.chat.conversation
    try tiny.type(":prompt demo topic=\"black holes\" Now.")
    #expect(tiny.output.problems == [])
    #expect(conversation.system == "You are calm.")
    #expect(
      conversation.turns.map(\.question) == ["Explain black holes. Now.", "Give an example."])
    #expect(conversation.turns.allSatisfy { ($0.reply?.tokens.count ?? 0) <= 5 })
    #expect(conversation.settings.text(of: .temp) == "0.70")
    #expect(conversation.settings.maxTokens == 12)
    #expect(tiny.repl.promptName == "demo")
    let notices = tiny.output.notices
    #expect(notices.contains { $0.hasSuffix("; for this prompt: temp 0.70 → 0.20, max 12 → 5") })
    #expect(
      notices.contains("> Explain black holes. Now.") && notices.contains("> Give an example."))

    // The same as a fresh chat in which this was typed.
    let typed = TinyRepl(
      try TinyChat(system: "You are calm.", settings: [.temp: "0.2", .max: "5"]))
    try typed.type("Explain black holes. Now.", "Give an example.")
    #expect(typed.chat.conversation.turns.map(\.answer) == conversation.turns.map(\.answer))
  }

  @Test func nothingChangesWhenItCannotBeSent() throws {
    let tiny = try tiny()
    let conversation = tiny.chat.conversation
    let before = conversation.settings
    try tiny.type(
      ":prompt demo", ":prompt demo tpoic=x", ":prompt joke now", ":prompt demo topic=\"x",
      ":prompt long", ":prompt demo topic=\(String(repeating: "x", count: 2000))")
    #expect(
      tiny.output.problems.prefix(4) == [
        ":prompt: demo needs topic: :prompt demo topic=…",
        ":prompt: demo has no variable \"tpoic\"; did you mean topic? (-- in front of a text that looks "
          + "like one)",
        ":prompt: joke takes no text: it has no {{input}}",
        ":prompt: a quote (\") is never closed; write \\\" for itself",
      ])
    #expect(tiny.output.problems.count == 6)
    #expect(tiny.output.problems.suffix(2).allSatisfy { $0.contains("message too long") })
    #expect(conversation.turns.isEmpty && conversation.system == "Be brief.")
    #expect(conversation.settings == before && tiny.repl.promptName == nil)
  }

  @Test func stoppingAMessageLeavesOutTheRest() throws {
    let tiny = try tiny()
    tiny.output.onReply = { tiny.interrupt.raise() }
    try tiny.type(":prompt demo topic=rain")
    #expect(tiny.chat.conversation.turns.count == 1)
    #expect(tiny.output.notices.last == "demo: 1 further message not sent")
    #expect(tiny.chat.conversation.settings.maxTokens == 12)
  }

  @Test func attachedFilesGoWithTheFirstMessage() throws {
    let note = try directory.write("note.text", Array("Rain.".utf8))
    let tiny = try tiny()
    try tiny.type(":file \(note)", ":prompt joke")
    #expect(
      tiny.chat.conversation.turns.map(\.question) == ["\(note):\n```\nRain.\n```\n\nTell a joke."])
    #expect(tiny.repl.attachments.isEmpty)
  }
}
