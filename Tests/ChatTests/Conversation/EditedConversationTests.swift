import Inference
import ModelFile
import Testing
import Tokenization

@testable import Chat

/// Whatever was done to a chat, its next reply is that of a fresh chat with the same turns.
@Suite struct EditedConversationTests {
  private func chat(_ kind: TemplateKind = .chatML, temp: String = "1") throws -> TinyChat {
    let chat = try TinyChat(
      template: kind, system: kind == .none ? nil : "Be brief.", settings: [.temp: temp])
    for question in ["One", "Two", "Three"] { try chat.conversation.say(question) }
    return chat
  }

  @Test func onlySoManyReplacedLinesAreKept() throws {
    let conversation = try TinyChat().conversation
    let most = Conversation.mostBranches
    for number in 0..<most + 3 {
      conversation.turns = [Turn(question: "Question \(number)", answer: "Yes")]
      _ = try conversation.undo()
    }
    #expect(conversation.branches.count == most)
    #expect(conversation.branches.first?.turns.first?.question == "Question 3")
    #expect(conversation.branches.last?.turns.first?.question == "Question \(most + 2)")
  }

  @Test(arguments: TemplateKind.allCases)
  func askingAnewEqualsAFreshChat(_ kind: TemplateKind) throws {
    let chat = try self.chat(kind)
    let old = chat.conversation.turns
    let fresh = try chat.fresh()
    fresh.turns = Array(old[..<1])
    for conversation in [chat.conversation, fresh] { conversation.restartSampler() }
    let statistics = try chat.conversation.reply(
      to: "Other", insteadOfTurn: 2, interrupt: InterruptFlag()
    ) { _ in }
    try fresh.say("Other")
    #expect(chat.conversation.turns == fresh.turns)
    #expect(chat.conversation.turns.first == old.first)
    #expect(chat.conversation.cache.tokens == fresh.cache.tokens)
    #expect(statistics.cached > 0)
    #expect(chat.conversation.branches.map(\.turns) == [old])
    try expectSameAsFresh(chat)
  }

  @Test(arguments: TemplateKind.allCases)
  func droppedTurnsEqualAFreshChat(_ kind: TemplateKind) throws {
    let chat = try self.chat(kind)
    let old = chat.conversation.turns
    let used = chat.conversation.used
    let shorter = try chat.conversation.drop(2...2)
    #expect(chat.conversation.turns == [old[0], old[2]])
    #expect(chat.conversation.used == used - shorter)
    #expect(chat.conversation.pendingTokens > 0)
    try expectSameAsFresh(chat)
    #expect(throws: ChatError.noTurn(asked: 9, turns: 1...3)) {
      try chat.conversation.drop(2...9)
    }
    #expect(chat.conversation.turns.count == 3)
  }

  @Test(arguments: TemplateKind.allCases)
  func amendedReplyEqualsAFreshChat(_ kind: TemplateKind) throws {
    let chat = try self.chat(kind)
    try chat.conversation.amend("the other and then")
    #expect(chat.conversation.turns.count == 3)
    #expect(chat.conversation.turns.last == Turn(question: "Three", answer: "the other and then"))
    #expect(chat.conversation.branches.count == 1)
    try expectSameAsFresh(chat)
  }

  @Test func amendingRefusesControlTags() throws {
    let chat = try TinyChat(template: .llama2)
    try chat.conversation.say("One")
    let old = chat.conversation.turns
    #expect(throws: ChatError.controlTag("[/INST]")) { try chat.conversation.amend("a [/INST]") }
    #expect(chat.conversation.turns == old)
    try chat.conversation.amend(old[0].answer)
    #expect(chat.conversation.turns == old)
    #expect(chat.conversation.branches.isEmpty)
  }

  @Test func failedEditsChangeNothing() throws {
    let chat = try self.chat()
    let old = chat.conversation.turns
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      _ = try chat.conversation.reply(to: "Other", insteadOfTurn: 1, interrupt: interrupt) { _ in }
    }
    #expect(throws: ChatError.noTurn(asked: 4, turns: 1...3)) {
      _ = try chat.conversation.reply(to: "x", insteadOfTurn: 4, interrupt: interrupt) { _ in }
    }
    let long = String(repeating: "x", count: 600)
    #expect(throws: ChatError.self) {
      _ = try chat.conversation.reply(to: long, insteadOfTurn: 1, interrupt: interrupt) { _ in }
    }
    #expect(chat.conversation.turns == old)
    #expect(chat.conversation.branches.isEmpty)
    try expectSameAsFresh(chat)
  }
}

/// A cut reply goes on as if it had not been cut.
@Suite struct ContinuedReplyTests {
  /// A reply of 12 tokens that nothing ended, and the seed that gives it.
  private func whole(_ kind: TemplateKind) throws -> TinyChat {
    for seed in 1...50 {
      let chat = try TinyChat(template: kind, settings: [.temp: "1.5", .seed: "\(seed)"])
      try chat.conversation.say("Tell me")
      if chat.conversation.turns.last?.reply?.tokens.count == 12 { return chat }
    }
    throw ChatError.nothingToRegenerate
  }

  private func same(as whole: TinyChat, _ kind: TemplateKind, max: String) throws -> TinyChat {
    try TinyChat(
      template: kind,
      settings: [
        .temp: "1.5", .seed: whole.conversation.settings.text(of: .seed), .max: max,
      ])
  }

  private func goOn(_ chat: TinyChat) throws -> TurnStatistics {
    try chat.conversation.continueReply(interrupt: InterruptFlag()) { _ in }
  }

  @Test(arguments: TemplateKind.allCases)
  func equalsAReplyThatWasNotCut(_ kind: TemplateKind) throws {
    let whole = try self.whole(kind)
    let chat = try self.same(as: whole, kind, max: "5")
    try chat.conversation.say("Tell me")
    #expect(chat.conversation.turns.last?.reply?.isCut == true)
    #expect(try chat.conversation.tokensToContinue() == 1)
    try chat.conversation.settings.set(.max, to: "7")
    let statistics = try goOn(chat)
    #expect(statistics.read == 1)
    #expect(statistics.generated == 7)
    #expect(chat.conversation.turns.map(\.answer) == whole.conversation.turns.map(\.answer))
    #expect(chat.conversation.turns.map(\.reply) == whole.conversation.turns.map(\.reply))
    #expect(chat.conversation.cache.tokens == whole.conversation.cache.tokens)
    #expect(chat.conversation.branches.isEmpty)
    try expectSameAsFresh(chat)
  }

  @Test func goesOnAfterAnInterrupt() throws {
    let whole = try self.whole(.chatML)
    let chat = try self.same(as: whole, .chatML, max: "12")
    let interrupt = InterruptFlag()
    let first = try chat.conversation.reply(to: "Tell me", interrupt: interrupt) { event in
      if case .text = event { interrupt.raise() }
    }
    #expect(first.ending == .interrupted)
    try chat.conversation.settings.set(.max, to: "\(12 - first.generated)")
    _ = try goOn(chat)
    #expect(chat.conversation.turns.map(\.answer) == whole.conversation.turns.map(\.answer))
    #expect(chat.conversation.turns.map(\.reply) == whole.conversation.turns.map(\.reply))
  }

  @Test func tokensOutliveLaterTurns() throws {
    let whole = try self.whole(.chatML)
    let chat = try self.same(as: whole, .chatML, max: "5")
    try chat.conversation.say("Tell me")
    let sampler = chat.conversation.sampler
    // The next turn reads the answer's text, which need not give the same tokens.
    try chat.conversation.say("And then?")
    _ = try chat.conversation.undo()
    chat.conversation.sampler = sampler
    try chat.conversation.settings.set(.max, to: "7")
    _ = try goOn(chat)
    #expect(chat.conversation.turns.map(\.answer) == whole.conversation.turns.map(\.answer))
    #expect(chat.conversation.turns.map(\.reply) == whole.conversation.turns.map(\.reply))
    #expect(chat.conversation.cache.tokens == whole.conversation.cache.tokens)
  }

  @Test func saysOnlyWhatIsNew() throws {
    let whole = try self.whole(.chatML)
    let chat = try self.same(as: whole, .chatML, max: "5")
    try chat.conversation.say("Tell me")
    let before = try #require(chat.conversation.turns.last).answer
    var said = ""
    _ = try chat.conversation.continueReply(interrupt: InterruptFlag()) {
      if case .text(let piece) = $0 { said += piece }
    }
    let after = try #require(chat.conversation.turns.last).answer
    #expect(after.count > before.count)
    #expect(after.hasSuffix(said))
  }

  @Test func goesOnFromAmendedWords() throws {
    let chat = try TinyChat(settings: [.temp: "1"])
    try chat.conversation.say("One")
    try chat.conversation.amend("the other")
    _ = try goOn(chat)
    let turn = try #require(chat.conversation.turns.last)
    #expect(turn.answer.hasPrefix("the other"))
    let tokens = try #require(turn.reply).tokens
    #expect(tokens.starts(with: PairTokenizer().encode("the other")))
    try expectSameAsFresh(chat)
  }

  @Test func refusesWhatEndedByItself() throws {
    let chat = try TinyChat()
    #expect(throws: ChatError.noTurn(asked: 1, turns: nil)) { try goOn(chat) }
    try chat.conversation.say("One")
    chat.conversation.turns[0].reply?.ending = .stopToken
    #expect(throws: ChatError.replyIsWhole) { try goOn(chat) }
  }

  @Test func interruptedContinuationChangesNothing() throws {
    let chat = try TinyChat(settings: [.max: "3"])
    try chat.conversation.say("One")
    chat.conversation.turns[0].reply?.ending = .limit
    let old = chat.conversation.turns
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      _ = try chat.conversation.continueReply(interrupt: interrupt) { _ in }
    }
    #expect(chat.conversation.turns == old)
  }

  @Test func aFullContextDropsOldTurnsOrRefuses() throws {
    let chat = try TinyChat(capacity: 128, settings: [.max: "12"])
    try chat.conversation.say("One")
    try chat.conversation.say("Two")
    let long = PairTokenizer().encode(String(repeating: "x", count: 60))
    chat.conversation.turns[1].reply = Reply(tokens: long, ending: .limit)
    var dropped: [ReplyEvent] = []
    _ = try chat.conversation.continueReply(interrupt: InterruptFlag()) {
      if case .dropped = $0 { dropped.append($0) }
    }
    #expect(dropped.count == 1)
    #expect(chat.conversation.droppedTurns == 1)

    let longer = PairTokenizer().encode(String(repeating: "x", count: 120))
    chat.conversation.turns[0].reply = Reply(tokens: longer, ending: .contextEnd)
    let error = #expect(throws: ChatError.self) { try goOn(chat) }
    #expect(error?.kind == .doesNotFit)
    #expect(error?.reason.hasPrefix("no room to go on: ") == true)
  }
}

@Suite struct BranchTests {
  @Test func whatWasTakenBackCanBeGoneBackTo() throws {
    let chat = try TinyChat(settings: [.temp: "1"])
    for question in ["One", "Two", "Three"] { try chat.conversation.say(question) }
    let old = chat.conversation.turns
    _ = try chat.conversation.undo()
    _ = try chat.conversation.undo()
    #expect(chat.conversation.branches.map(\.turns) == [old])
    // Nothing was overwritten in the cache: going back reads nothing but the last reply's end.
    #expect(chat.conversation.unreadTokens(of: old) < chat.conversation.used)
    try chat.conversation.switchBranch(to: 1)
    #expect(chat.conversation.turns == old)
    #expect(chat.conversation.branches.isEmpty)
    try expectSameAsFresh(chat)
  }

  @Test func linesChangePlaces() throws {
    let chat = try TinyChat(settings: [.temp: "1.5"])
    try chat.conversation.say("One")
    let first = chat.conversation.turns
    _ = try chat.conversation.regenerate(interrupt: InterruptFlag()) { _ in }
    let second = chat.conversation.turns
    try chat.conversation.switchBranch(to: 1)
    #expect(chat.conversation.turns == first)
    #expect(chat.conversation.branches.map(\.turns) == [second])
    try expectSameAsFresh(chat)
    _ = try chat.conversation.undo()
    try chat.conversation.switchBranch(to: 1)
    #expect(chat.conversation.turns == second)
    #expect(chat.conversation.branches.count == 1)
    #expect(throws: ChatError.noBranch(asked: 2, count: 1)) {
      try chat.conversation.switchBranch(to: 2)
    }
    #expect(chat.conversation.branches[0].firstDifference(from: chat.conversation.line) == 1)
    try expectSameAsFresh(chat)
  }

  @Test func clearedTurnsAreKeptBeyondTheNextReply() throws {
    let chat = try TinyChat()
    try chat.conversation.say("One")
    let old = chat.conversation.turns
    chat.conversation.clear()
    #expect(chat.conversation.branches.map(\.turns) == [old])
    _ = try chat.conversation.undo()
    #expect(chat.conversation.branches.isEmpty)
    chat.conversation.clear()
    try chat.conversation.say("Two")
    try chat.conversation.switchBranch(to: 1)
    #expect(chat.conversation.turns == old)
  }

  @Test func aClearedChatStillHoldsItsSystemPrompt() throws {
    let chat = try TinyChat()
    #expect(chat.conversation.pendingTokens == chat.conversation.used)
    try chat.conversation.say("One")
    chat.conversation.clear()
    #expect(chat.conversation.pendingTokens == 0)
  }
}
