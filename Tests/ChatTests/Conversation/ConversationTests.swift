import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

/// The next reply, of a chat with a past and of a fresh chat with the same turns.
func expectSameAsFresh(
  _ chat: TinyChat, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let past = chat.conversation
  let fresh = try chat.fresh()
  for conversation in [past, fresh] {
    try conversation.settings.set(.temp, to: "1")
    conversation.restartSampler()
    try conversation.say("And what is next?")
  }
  #expect(past.turns == fresh.turns, sourceLocation: sourceLocation)
  #expect(past.cache.tokens == fresh.cache.tokens, sourceLocation: sourceLocation)
  // One more token on both: its logits depend on every key and value held.
  let logits = try [past, fresh].map { conversation in
    Array(try chat.engine.forward([5], cache: conversation.cache))
  }
  #expect(logits[0] == logits[1], sourceLocation: sourceLocation)
}

@Suite struct CacheReuseTests {
  @Test(arguments: TemplateKind.allCases)
  func laterTurnsEqualAFreshChat(_ kind: TemplateKind) throws {
    let chat = try TinyChat(template: kind, system: kind == .none ? nil : "Be brief.")
    for question in ["Hello there", "Who are you?", "  spaces  "] {
      try chat.conversation.say(question)
    }
    try expectSameAsFresh(chat)
  }

  @Test func readsOnlyWhatIsNew() throws {
    let chat = try TinyChat()
    let first = try chat.conversation.say("Hello there")
    #expect(first.cached == 0)
    let before = chat.conversation.used
    let second = try chat.conversation.say("Who are you?")
    let prompt = chat.conversation.template.encode(
      system: "Be brief.", turns: [chat.conversation.turns[0]], pending: "Who are you?")
    #expect(second.read + second.cached == prompt.count)
    // All but what closes the first answer, unless its sampled ids are not those of its text.
    #expect(second.cached >= first.read)
    #expect(second.cached <= before)
  }

  @Test func sampledTokensAreReplacedByTheTextsOwn() throws {
    // A random model says bytes and pairs that its text is not encoded to.
    let chat = try TinyChat(settings: [.temp: "2"])
    try chat.conversation.say("Say something long")
    let turn = try #require(chat.conversation.turns.last)
    let canonical = chat.conversation.template.encode(system: "Be brief.", turns: [turn])
    #expect(chat.conversation.cache.commonPrefix(with: canonical) < chat.conversation.cache.count)
    try chat.conversation.say("Go on")
    #expect(chat.conversation.cache.tokens.starts(with: canonical))
    try expectSameAsFresh(chat)
  }

  @Test func threadsChangeNothing() throws {
    let chat = try TinyChat()
    try chat.conversation.say("Hello there")
    let count = chat.conversation.cache.count
    try chat.engine.resize(threads: 2)
    #expect(chat.conversation.cache.count == count)
    try expectSameAsFresh(chat)
  }

  @Test func undoEqualsAFreshChat() throws {
    let chat = try TinyChat()
    for question in ["One", "Two", "Three"] { try chat.conversation.say(question) }
    let used = chat.conversation.used
    guard case .turns(2...3, let tokens, "Two") = try chat.conversation.undo(2) else {
      Issue.record("expected turns 2 and 3 to be taken back")
      return
    }
    #expect(chat.conversation.turns.map(\.question) == ["One"])
    #expect(chat.conversation.used == used - tokens)
    try expectSameAsFresh(chat)
  }

  @Test func regenerationEqualsAFreshChat() throws {
    let chat = try TinyChat(settings: [.temp: "1.5"])
    try chat.conversation.say("One")
    try chat.conversation.say("Two")
    let first = chat.conversation.turns
    let statistics = try chat.conversation.regenerate(interrupt: InterruptFlag()) { _ in }
    #expect(statistics.read == 1)
    #expect(chat.conversation.settings.seed == 8)
    #expect(chat.conversation.turns.count == 2)
    #expect(chat.conversation.turns[0] == first[0])
    #expect(chat.conversation.turns[1].question == "Two")
    #expect(chat.conversation.turns[1].answer != first[1].answer)
    try expectSameAsFresh(chat)
  }

  @Test func systemPromptChangesLive() throws {
    let chat = try TinyChat()
    try chat.conversation.say("One")
    try chat.conversation.setSystem("Be long and vivid.")
    #expect(chat.conversation.turns.count == 1)
    #expect(chat.conversation.pendingTokens > 0)
    try expectSameAsFresh(chat)
    try chat.conversation.setSystem(nil)
    try expectSameAsFresh(chat)
  }

  @Test func clearIsUndone() throws {
    let chat = try TinyChat()
    try chat.conversation.say("One")
    try chat.conversation.say("Two")
    let turns = chat.conversation.turns
    let used = chat.conversation.used
    let cleared = chat.conversation.clear()
    #expect(cleared.turns == 2)
    #expect(chat.conversation.used == used - cleared.tokens)
    #expect(chat.conversation.turns.isEmpty)
    #expect(try chat.conversation.undo() == .clear(turns: 2))
    #expect(chat.conversation.turns == turns)
    #expect(chat.conversation.pendingTokens < used / 2)
    try expectSameAsFresh(chat)
    chat.conversation.clear()
    try expectSameAsFresh(chat)
    #expect(throws: ChatError.nothingToUndo(asked: 2, turns: 1)) {
      try chat.conversation.undo(2)
    }
  }
}

@Suite struct ContextFullTests {
  @Test func dropsOldestTurnsAndKeepsTheSystemPrompt() throws {
    let chat = try TinyChat(capacity: 160)
    var dropped: [ReplyEvent] = []
    for number in 1...6 {
      _ = try chat.conversation.reply(
        to: "Question number \(number)", interrupt: InterruptFlag()
      ) { if case .dropped = $0 { dropped.append($0) } }
    }
    #expect(!dropped.isEmpty)
    #expect(chat.conversation.system == "Be brief.")
    #expect(chat.conversation.droppedTurns > 0)
    #expect(chat.conversation.droppedTurns + chat.conversation.turns.count == 6)
    #expect(chat.conversation.turns.last?.question == "Question number 6")
    guard case .dropped(let turns, let tokens, let rereading)? = dropped.first else { return }
    #expect(turns.lowerBound == 1)
    #expect(tokens > 0)
    #expect(rereading > 0)
    let numbers = chat.conversation.usage.turns.map(\.number)
    #expect(numbers == Array(chat.conversation.droppedTurns + 1...6))
    try expectSameAsFresh(chat)
  }

  @Test func refusesAMessageThatNeverFits() throws {
    let chat = try TinyChat(capacity: 128)
    try chat.conversation.say("Hello")
    let turns = chat.conversation.turns
    let held = chat.conversation.cache.tokens
    let message = String(repeating: "x", count: 200)
    let error = #expect(throws: ChatError.self) { try chat.conversation.say(message) }
    let prompt = chat.conversation.template.encode(
      system: "Be brief.", turns: [], pending: message)
    #expect(error == .messageTooLong(tokens: prompt.count, reserve: 12, capacity: 128))
    #expect(error?.kind == .doesNotFit)
    #expect(chat.conversation.turns == turns)
    #expect(chat.conversation.cache.tokens == held)
    try expectSameAsFresh(chat)
  }

  @Test func replyMayReachTheEndOfTheContext() throws {
    let chat = try TinyChat(capacity: 128, settings: [.max: "0"])
    // A generator that never stops is likely but not certain: look for one that reaches the end.
    var statistics = try chat.conversation.say("Hello")
    for _ in 0..<20 where statistics.ending != .contextEnd {
      try chat.conversation.settings.set(.temp, to: "2")
      statistics = try chat.conversation.regenerate(interrupt: InterruptFlag()) { _ in }
    }
    #expect(statistics.ending == .contextEnd)
    #expect(chat.conversation.cache.count == 128)
    #expect(statistics.read + statistics.cached + statistics.generated == 129)
    #expect(chat.conversation.turns.count == 1)
    try chat.conversation.settings.set(.max, to: "12")
    try expectSameAsFresh(chat)
    #expect(chat.conversation.droppedTurns == 1)
  }

  @Test func systemPromptMayTakeHalf() throws {
    let chat = try TinyChat(capacity: 64)
    let long = String(repeating: "x", count: 40)
    let error = #expect(throws: ChatError.self) { try chat.conversation.setSystem(long) }
    let length = chat.conversation.template.systemLength(long)
    #expect(error == .systemTooLong(tokens: length, capacity: 64))
    #expect(chat.conversation.system == "Be brief.")
  }

  @Test(arguments: TemplateKind.allCases)
  func usageAddsUp(_ kind: TemplateKind) throws {
    let chat = try TinyChat(template: kind)
    #expect(chat.conversation.usage.used == chat.conversation.used)
    for question in ["One", "Two and a half"] { try chat.conversation.say(question) }
    let usage = chat.conversation.usage
    #expect(usage.turns.map(\.number) == [1, 2])
    #expect(usage.used == chat.conversation.used)
    #expect(usage.system > 0)
    #expect(usage.turns.allSatisfy { $0.question > 0 && $0.answer >= 0 })
  }
}

@Suite struct InterruptTests {
  @Test func stoppedReplyStays() throws {
    let chat = try TinyChat(settings: [.max: "0"])
    let interrupt = InterruptFlag()
    var text = ""
    let statistics = try chat.conversation.reply(to: "Hello", interrupt: interrupt) { event in
      guard case .text(let piece) = event else { return }
      text += piece
      if text.unicodeScalars.count >= 5 { interrupt.raise() }
    }
    #expect(statistics.ending == .interrupted)
    #expect(statistics.generated > 0)
    let turn = try #require(chat.conversation.turns.last)
    #expect(chat.conversation.turns.count == 1)
    #expect(turn.question == "Hello" && turn.answer == text)
    #expect(turn.reply?.ending == .interrupted)
    #expect(turn.reply?.tokens.count == statistics.generated)
    try chat.conversation.settings.set(.max, to: "12")
    try expectSameAsFresh(chat)
  }

  @Test func stoppedReadingAddsNothingAndKeepsWhatWasRead() throws {
    let chat = try TinyChat(capacity: 512)
    try chat.conversation.say("One")
    let turns = chat.conversation.turns
    let message = String(repeating: "word ", count: 80)
    let interrupt = InterruptFlag()
    var progress: [Int] = []
    #expect(throws: Interrupted.self) {
      _ = try chat.conversation.reply(to: message, interrupt: interrupt) { event in
        guard case .reading(let done, _) = event, done > 0 else { return }
        progress.append(done)
        interrupt.raise()
      }
    }
    // Raised after the first of two layers, seen before the next batch.
    #expect(progress.count == 2)
    #expect(chat.conversation.turns == turns)
    let kept = chat.conversation.cache.count

    interrupt.clear()
    let statistics = try chat.conversation.reply(to: message, interrupt: interrupt) { _ in }
    // The last token of a prompt that was read whole is read again for its logits.
    #expect(statistics.cached >= kept - 1)
    try expectSameAsFresh(chat)
  }

  @Test func stoppedReadingBringsDroppedTurnsBack() throws {
    let chat = try TinyChat(capacity: 160)
    for number in 1...2 { try chat.conversation.say("Question number \(number)") }
    let turns = chat.conversation.turns
    let interrupt = InterruptFlag()
    interrupt.raise()
    var dropped = 0
    #expect(throws: Interrupted.self) {
      _ = try chat.conversation.reply(
        to: String(repeating: "x", count: 60), interrupt: interrupt
      ) { if case .dropped = $0 { dropped += 1 } }
    }
    #expect(dropped == 1)
    #expect(chat.conversation.turns == turns)
    #expect(chat.conversation.droppedTurns == 0)
  }

  @Test func failedRegenerationKeepsTheOldReply() throws {
    let chat = try TinyChat()
    try chat.conversation.say("One")
    let turns = chat.conversation.turns
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      _ = try chat.conversation.regenerate(interrupt: interrupt) { _ in }
    }
    #expect(chat.conversation.turns == turns)
    #expect(chat.conversation.settings.seed == 7)
  }
}
