import Foundation
import Inference
import ModelFile
import Testing

@testable import Chat

/// Reading while the user types: it changes when tokens are read, and nothing else.
@Suite struct ReadAheadTests {
  private static let system = String(repeating: "Be brief and kind. ", count: 9)

  private func chat(
    _ kind: TemplateKind, _ settings: [Settings.Key: String] = [:]
  ) throws -> TinyChat {
    try TinyChat(
      template: kind, system: Self.system,
      settings: [.temp: "0", .max: "12"].merging(settings) { $1 })
  }

  /// Reads ahead, stopped again and again, until nothing is left to read.
  private func readAhead(_ conversation: Conversation) throws {
    for _ in 0..<100_000 {
      conversation.startReadingAhead(mayForget: true)
      guard conversation.readAhead != nil else { return }
      usleep(200)
      conversation.stopReadingAhead()
    }
    Issue.record("reading ahead does not come to an end")
  }

  /// The tiny model seldom ends a reply by itself; as if it had.
  private func endLastReply(of conversation: Conversation) {
    conversation.turns[conversation.turns.count - 1].reply?.ending = .stopToken
  }

  @Test(arguments: TemplateKind.allCases)
  func repliesAreTheSame(kind: TemplateKind) throws {
    let plain = try chat(kind)
    let ahead = try chat(kind)
    for question in ["Hello", "And then?", "1 more"] {
      let expected = try plain.conversation.say(question)
      endLastReply(of: plain.conversation)
      try readAhead(ahead.conversation)
      let count = ahead.conversation.cache.count
      let statistics = try ahead.conversation.say(question)
      endLastReply(of: ahead.conversation)
      #expect(ahead.conversation.turns == plain.conversation.turns)
      #expect(
        statistics.read + statistics.readAhead + statistics.cached
          == expected.read + expected.cached)
      #expect(statistics.readAhead > 0 || kind == .none)
      #expect(count > 20 && statistics.read < expected.read)
    }
  }

  @Test func whatIsInterruptedGoesOn() throws {
    let chat = try chat(.chatML)
    let conversation = chat.conversation
    var counts: [Int] = []
    for _ in 0..<50 {
      conversation.startReadingAhead(mayForget: true)
      conversation.stopReadingAhead()
      counts.append(conversation.cache.count)
    }
    #expect(counts == counts.sorted())
    try readAhead(conversation)
    try conversation.say("Hello")
    let other = try self.chat(.chatML)
    try other.conversation.say("Hello")
    #expect(conversation.turns == other.conversation.turns)
    #expect(conversation.cache.tokens == other.conversation.cache.tokens)
  }

  @Test func aCutReplyKeepsItsTokens() throws {
    let chat = try chat(.chatML, [.max: "12"])
    try chat.conversation.say("Hello")
    #expect(chat.conversation.turns.last?.reply?.isCut == true)
    let said = chat.conversation.cache.tokens
    try readAhead(chat.conversation)
    #expect(chat.conversation.cache.tokens.starts(with: said))
    #expect(try chat.conversation.tokensToContinue() <= 1)
  }

  /// A message may begin so that it shares a token with what is before it, and reading ahead ends before that.
  @Test(arguments: TemplateKind.allCases)
  func aStoppedMessageKeepsItsTokens(kind: TemplateKind) throws {
    for start in ["the", "1", " t", "\nt"] {
      let chat = try chat(kind)
      let conversation = chat.conversation
      try conversation.say("Hello")
      endLastReply(of: conversation)
      let question = start + String(repeating: " and more", count: 12)
      let interrupt = InterruptFlag()
      #expect(throws: Interrupted.self) {
        try conversation.reply(to: question, interrupt: interrupt) { event in
          if case .reading(let done, let total) = event, done > 0, done < total {
            interrupt.raise()
          }
        }
      }
      let held = conversation.cache.tokens
      #expect(held.count > conversation.used)
      try readAhead(conversation)
      #expect(conversation.cache.tokens == held)
      // Not when the chat goes on from something else.
      try conversation.setSystem("Another.")
      try readAhead(conversation)
      #expect(conversation.pendingTokens == 0)
      try conversation.say(question)
      let fresh = try chat.fresh()
      fresh.turns.removeLast()
      try fresh.say(question)
      #expect(fresh.turns == conversation.turns)
    }
  }

  @Test func anOpenChoiceForgetsNothing() throws {
    let chat = try chat(.chatML)
    try chat.conversation.say("Hello")
    endLastReply(of: chat.conversation)
    let held = chat.conversation.cache.tokens
    try chat.conversation.setSystem("Another.")
    chat.conversation.startReadingAhead(mayForget: false)
    chat.conversation.stopReadingAhead()
    #expect(chat.conversation.cache.tokens == held)
    try readAhead(chat.conversation)
    #expect(chat.conversation.cache.tokens != held)
    #expect(chat.conversation.pendingTokens == 0)
  }

  @Test func aFullContextIsLeftToTheReply() throws {
    let tiny = try TinyChat(capacity: 128, settings: [.temp: "0", .max: "0"])
    try tiny.conversation.say("Hello")
    endLastReply(of: tiny.conversation)
    #expect(tiny.conversation.used > 100)
    let held = tiny.conversation.cache.tokens
    tiny.conversation.startReadingAhead(mayForget: true)
    #expect(tiny.conversation.readAhead == nil && tiny.conversation.cache.tokens == held)
  }

  @Test func theReplReadsAheadForPeopleOnly() throws {
    let plain = TinyRepl(try chat(.chatML))
    try plain.type("Hello", ":system Short.", "Again")
    #expect(plain.output.notices.contains { $0.hasSuffix("at your next message") })
    let typed = TinyRepl(try chat(.chatML))
    typed.repl.readsAhead = true
    try typed.type("Hello", ":system Short.", "Again")
    #expect(typed.output.notices.contains { $0.hasSuffix("while you type") })
    #expect(typed.chat.conversation.turns == plain.chat.conversation.turns)
    #expect(typed.chat.conversation.readAhead == nil)
  }
}
