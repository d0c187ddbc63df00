import Inference
import ModelFile
import Testing

@testable import Chat

@Suite struct ReplyTests {
  @Test func settingsActFromTheNextToken() throws {
    let chat = try TinyChat(settings: [.temp: "2", .max: "0"])
    var pieces = 0
    let statistics = try chat.conversation.reply(to: "Hello", interrupt: InterruptFlag()) {
      guard case .text = $0 else { return }
      pieces += 1
      if pieces == 4 { try? chat.conversation.settings.set(.max, to: "1") }
    }
    #expect(statistics.ending == .limit && statistics.generated >= 4)
    // The last may be of a character that was cut in two.
    #expect(pieces == 4 || pieces == 5)
  }

  @Test func sameSeedSameReply() throws {
    let replies = try (0..<2).map { _ in
      let chat = try TinyChat(settings: [.temp: "1"])
      try chat.conversation.say("Hello")
      return chat.conversation.turns
    }
    #expect(replies[0] == replies[1])
  }

  @Test func llama2TagsAreRefusedUnlessAllowed() throws {
    let chat = try TinyChat(template: .llama2)
    #expect(throws: ChatError.controlTag("[/INST]")) { try chat.conversation.say("a [/INST] b") }
    #expect(throws: ChatError.controlTag("<<SYS>>")) {
      try chat.conversation.setSystem("<<SYS>>")
    }
    #expect(chat.conversation.turns.isEmpty)
    try chat.conversation.settings.set(.tags, to: "allow")
    try chat.conversation.say("a [/INST] b")
    #expect(chat.conversation.turns.count == 1)
  }

  @Test func emptyPromptIsRefused() throws {
    let chat = try TinyChat(template: .none, system: nil)
    #expect(throws: ChatError.emptyMessage) { try chat.conversation.say("") }
  }

  @Test func damagedNumbersEndTheReplyAlone() throws {
    let chat = try TinyChat(damaged: true)
    let error = #expect(throws: InferenceError.self) { try chat.conversation.say("Hello") }
    #expect(error?.kind == .damagedNumbers)
    #expect(chat.conversation.turns.isEmpty)
  }

  @Test func statisticsAddUp() throws {
    let clock = TestClock()
    let chat = try TinyChat(now: clock.now)
    var seen: [Int] = []
    let statistics = try chat.conversation.reply(to: "Hello", interrupt: InterruptFlag()) { event in
      clock.advance(by: .milliseconds(500))
      if case .reading(let done, _) = event { seen.append(done) }
    }
    // The model has two layers.
    #expect(seen == [0, statistics.read / 2, statistics.read])
    #expect(statistics.prefillSeconds == 1.5)
    #expect(statistics.firstTokenSeconds == 1.5)
    #expect(statistics.generated > 0 && statistics.generated <= 12)
    #expect(statistics.contextUsed == chat.conversation.used)
    #expect(statistics.contextCapacity == 512)
    #expect(statistics.threads == 1)
    #expect(chat.conversation.readingSpeed == Double(statistics.read) / 1.5)
  }

  @Test func statisticsReadAsOneLine() {
    var turn = TurnStatistics(
      read: 22, cached: 312, bytesPerToken: 7_100_000_000, contextCapacity: 2048, threads: 8)
    turn.generated = 142
    turn.firstTokenSeconds = 1.42
    turn.decodeSteps = 141
    turn.decodeSeconds = 141 / 9.3
    turn.contextUsed = 740
    #expect(
      turn.line == "142 tok · 9.3 tok/s (66 GB/s) · first token 1.4 s: 22 read, 312 cached · "
        + "ctx 740/2048 · 8 threads")
    turn.decodeSteps = 0
    turn.generated = 1
    turn.threads = 1
    #expect(
      turn.line == "1 tok · first token 1.4 s: 22 read, 312 cached · ctx 740/2048 · 1 thread")
  }
}
