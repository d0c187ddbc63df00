import Foundation
import Inference
import ModelFile
import Testing

@testable import Chat

/// What the model could have said, and taking it.
@Suite struct AlternativeTests {
  @Test func everyTokenOfAReplyHasItsAlternatives() throws {
    let chat = try TinyChat(settings: [.temp: "1.5"])
    try chat.conversation.say("Hello")
    let reply = try #require(chat.conversation.turns.last?.reply)
    let choices = chat.conversation.lastChoices
    #expect(choices.count == reply.tokens.count + (reply.isCut ? 0 : 1))
    #expect(zip(choices, reply.tokens).allSatisfy { $0.taken.token == $1 })
    // The first one's, from logits of a cache of its own.
    let cache = try KVCache(config: chat.engine.model.config, capacity: 512)
    let prompt = chat.conversation.template.encode(
      system: "Be brief.", turns: [], pending: "Hello")
    let logits = Array(try chat.engine.forward(prompt, cache: cache))
    let total = logits.reduce(0) { $0 + exp($1) }
    let best = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(5)
    #expect(choices[0].best.map { Int($0.token) } == Array(best))
    for alternative in choices[0].best + [choices[0].taken] {
      let expected = exp(logits[Int(alternative.token)]) / total
      #expect(abs(alternative.probability - expected) < 1e-5)
    }
  }

  @Test func anotherTokenIsTakenAndGoneOnFrom() throws {
    let chat = try TinyChat(settings: [.temp: "1"])
    try chat.conversation.say("Hello")
    let old = chat.conversation.turns
    let tokens = try #require(old[0].reply).tokens
    try #require(tokens.count >= 3)
    let best = chat.conversation.lastChoices[2].best
    let number = try #require(
      best.firstIndex {
        $0.token != tokens[2] && !chat.conversation.template.stopTokens.contains($0.token)
      })
    var said = ""
    let statistics = try chat.conversation.reply(
      withToken: 3, alternative: number + 1, interrupt: InterruptFlag()
    ) { if case .text(let piece) = $0 { said += piece } }
    let new = try #require(chat.conversation.turns.last)
    #expect(try #require(new.reply).tokens.prefix(3) == tokens[..<2] + [best[number].token])
    #expect(said == new.answer)
    // All up to the token was in the cache.
    #expect(statistics.read == 1)
    #expect(chat.conversation.branches.map(\.turns) == [old])
    #expect(chat.conversation.lastChoices.count >= 3)
    try expectSameAsFresh(chat)
  }

  @Test func aContinuedReplyKnowsAllItsAlternatives() throws {
    let chat = try TinyChat(settings: [.temp: "1.5", .max: "4"])
    try chat.conversation.say("Hello")
    try #require(chat.conversation.turns[0].reply?.isCut == true)
    _ = try chat.conversation.continueReply(interrupt: InterruptFlag()) { _ in }
    let reply = try #require(chat.conversation.turns[0].reply)
    #expect(chat.conversation.lastChoices.count == reply.tokens.count + (reply.isCut ? 0 : 1))
  }

  @Test func commandsShowAndTakeThem() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1"]))
    try tiny.type("Hello", ":probs", ":probs 1", ":probs 99", ":probs x")
    let choices = tiny.chat.conversation.lastChoices
    let all = tiny.output.notices[tiny.output.notices.count - 2]
    #expect(all.hasPrefix("\(choices.count) tokens · perplexity "))
    #expect(all.contains("\n1 \""))
    #expect(
      all.components(separatedBy: "% · ").count + all.components(separatedBy: "%\n").count
        == choices.count + 1)
    let rows = try #require(tiny.output.notices.last).split(separator: "\n")
    #expect(rows.count == (choices[0].best.contains(choices[0].taken) ? 7 : 8))
    #expect(rows.filter { $0.hasSuffix("← taken") }.count == 1)
    #expect(rows.first == "token 1 of \(choices.count)")
    #expect(rows.last == ":alt 1 J takes another and goes on from there")
    #expect(
      tiny.output.problems == [
        ":probs: the last reply has tokens 1…\(choices.count), got 99",
        ":probs: expected the number of a token, got \"x\"",
      ])
    let old = tiny.chat.conversation.turns
    try tiny.type(":alt 1 6", ":alt 0 1", ":alt 1 2 3")
    #expect(tiny.output.problems.count == 3)
    #expect(tiny.chat.conversation.turns == old)
    try tiny.type(":alt 1 1")
    #expect(tiny.output.problems.isEmpty)
    #expect(tiny.chat.conversation.lastChoices[0].taken == choices[0].best[0])

    tiny.chat.conversation.turns[0].reply = nil
    try tiny.type(":probs", ":alt 1 1")
    #expect(tiny.output.problems.count == 2)
    #expect(tiny.output.problems[0].hasPrefix(":probs: not known for the last reply"))
  }
}

@Suite struct CopyTests {
  @Test func repliesAndCodeGoToTheClipboard() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", ":copy")
    #expect(
      tiny.output.problems == [":copy: needs a terminal's clipboard; :export FILE.md writes a file"]
    )
    var copied: [String] = []
    tiny.repl.clipboard = { copied.append($0) }
    try tiny.chat.conversation.amend("a\n```c\nint x;\n\n```\nb\n ```\ny\n```\n")
    let turns = tiny.chat.conversation.turns
    try tiny.type(":copy", ":copy 1", ":copy code", ":copy code 1")
    #expect(copied == [turns[1].answer, turns[0].answer, "y", "int x;\n"])
    #expect(tiny.output.notices.last == "sent 7 bytes to the terminal's clipboard")
    try tiny.type(":copy 3", ":copy code 3", ":copy x", ":copy 1 2")
    #expect(
      tiny.output.problems == [
        ":copy: no turn 3; there are 1…2",
        ":copy: expected a block of code, 1…2, got \"3\"",
        ":copy: expected a turn, or code and a number, got \"x\"",
        ":copy: expected a turn, or code and a number, got \"1 2\"",
      ])
    try tiny.chat.conversation.amend(String(repeating: "x", count: 74_995))
    try tiny.type(":copy", ":copy code")
    #expect(tiny.output.problems.count == 2)
    #expect(copied.count == 4)
  }

  @Test(arguments: [
    ("", []), ("no code", []), ("```\n```", [""]), ("```\nopen\nend", ["open\nend"]),
    ("```a\nb", ["b"]), ("x\n  ```\n  y\n  ```\n```\nz\n```", ["y", "z"]),
  ])
  func findsBlocksOfCode(text: String, blocks: [String]) {
    #expect(CodeBlocks.found(in: text) == blocks)
  }
}
