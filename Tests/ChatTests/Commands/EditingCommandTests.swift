import Inference
import ModelFile
import Testing

@testable import Chat

@Suite struct EditCommandTests {
  @Test func theNextLineReplacesAQuestion() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", "Three")
    let old = tiny.chat.conversation.turns
    let lines = try tiny.type(":edit 2", "Other")
    #expect(lines.prefills == [nil, "Two", nil])
    #expect(lines.statuses[1]?.hasPrefix("editing turn 2 · ctx ") == true)
    #expect(
      tiny.output.notices.first
        == "turn 2: Enter replaces it and 1 later turn, Ctrl-C changes nothing; "
        + "nothing to read again")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["One", "Other"])
    #expect(tiny.chat.conversation.branches.map(\.turns) == [old])
    #expect(try #require(tiny.repl.statistics.last).cached > 0)
    try expectSameAsFresh(tiny.chat)
  }

  @Test func leavingAnEditChangesNothing() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two")
    let old = tiny.chat.conversation.turns
    for next in [LineEvent.interrupted, .line("  "), .line(":temp")] {
      tiny.output.clear()
      let lines = TypedLines(events: [.line(":e"), next])
      try tiny.repl.run(lines)
      #expect(lines.prefills == [nil, "Two", nil])
      #expect(lines.statuses[2]?.hasPrefix("ctx") == true)
      #expect(tiny.output.notices[1] == "turn 2 unchanged")
      #expect(tiny.chat.conversation.turns == old)
    }
    try tiny.type("Three")
    #expect(tiny.chat.conversation.turns.count == 3)
  }

  @Test func aQuestionThatLooksLikeACommandStaysAQuestion() throws {
    let tiny = try TinyRepl()
    let lines = try tiny.type("::quit", ":edit", "::quit", ":undo", "::quit")
    #expect(lines.prefills == [nil, nil, "::quit", nil, "::quit", nil])
    #expect(tiny.chat.conversation.turns.map(\.question) == [":quit"])
  }

  @Test func aRefusedQuestionReturnsToItsPlace() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 128))
    try tiny.type("One", "Two")
    let old = tiny.chat.conversation.turns
    let long = String(repeating: "x", count: 300)
    let lines = try tiny.type(":edit 1", long)
    #expect(lines.prefills == [nil, "One", long])
    #expect(tiny.output.problems.count == 1)
    #expect(tiny.chat.conversation.turns == old)
    try tiny.type("Short")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Short"])
  }

  @Test func aStoppedEditReturnsToItsPlace() throws {
    let clock = TestClock()
    let tiny = TinyRepl(try TinyChat(now: clock.now))
    try tiny.type("One", "Two")
    let old = tiny.chat.conversation.turns
    tiny.output.onProgress = tiny.interrupt.raise
    clock.tick = .milliseconds(400)
    let message = String(repeating: "word ", count: 60)
    let lines = try tiny.type(":edit 1", message)
    #expect(lines.prefills == [nil, "One", message])
    #expect(tiny.chat.conversation.turns == old)
    #expect(tiny.output.notices.last?.hasPrefix("stopped while reading (") == true)
  }

  @Test func scriptsEditToo() throws {
    let tiny = try TinyRepl()
    let script = ScriptLines("One\nTwo\n:edit 1\nUno\n", name: "s", cut: .script)
    try tiny.repl.run(script, mode: .script)
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Uno"])
  }

  @Test func theUsersEditorEditsQuestionsAndReplies() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", ":edit! 1", ":amend")
    #expect(
      tiny.output.problems == [
        ":edit!: needs $EDITOR at a terminal; :edit takes the next line",
        ":amend: needs $EDITOR at a terminal; :regen makes another reply",
      ])
    let old = tiny.chat.conversation.turns
    var given: [String] = []
    for saved in ["", old[0].question] {
      tiny.repl.externalEditor = { _ in saved }
      try tiny.type(":edit! 1")
      #expect(tiny.output.notices == ["turn 1 unchanged"])
    }
    tiny.repl.externalEditor = { _ in throw ChatError.emptyMessage }
    try tiny.type(":edit! 1", ":amend")
    #expect(tiny.output.problems.count == 2)
    #expect(tiny.chat.conversation.turns == old)

    tiny.repl.externalEditor = {
      given.append($0)
      return "the other"
    }
    try tiny.type(":amend")
    #expect(given == [old[1].answer])
    #expect(tiny.output.notices.first?.hasPrefix("amended turn 2; ") == true)
    #expect(tiny.output.notices.first?.hasSuffix("at your next message") == true)
    #expect(tiny.chat.conversation.turns[1].answer == "the other")
    try tiny.type(":edit! 1")
    #expect(given.last == "One")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["the other"])
  }
}

@Suite struct ReplyCommandTests {
  @Test func aCutReplyGoesOn() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1.5", .max: "4"]))
    try tiny.type("Hello")
    let first = try #require(tiny.chat.conversation.turns.last)
    try #require(first.reply?.ending == .limit)
    #expect(
      tiny.output.notices.last
        == "■ stopped at max 4 · :continue goes on, :max 0 for no limit")
    let said = tiny.output.replyText
    try tiny.type(":c")
    let turn = try #require(tiny.chat.conversation.turns.last)
    #expect(tiny.chat.conversation.turns.count == 1)
    #expect(turn.answer.unicodeScalars.count >= said.unicodeScalars.count)
    #expect(try #require(tiny.repl.statistics.last).read == 1)
    #expect(tiny.output.problems.isEmpty)
    tiny.chat.conversation.turns[0].reply?.ending = .stopToken
    try tiny.type(":continue")
    #expect(
      tiny.output.problems == [
        ":continue: the last reply ended by itself; :regen makes another, :amend changes it"
      ])
  }

  @Test func oneOfSeveralRepliesIsTaken() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1.5"]))
    try tiny.type("Hello")
    let original = tiny.chat.conversation.turns
    try tiny.type(":regen 3")
    #expect(tiny.output.notices.filter { $0.hasPrefix("— reply ") }.count == 3)
    #expect(
      tiny.output.notices.last
        == "1…3 takes one of the replies; anything else goes on from the last")
    let last = tiny.chat.conversation.turns
    let candidates = tiny.chat.conversation.branches.dropFirst().map(\.turns) + [last]
    #expect(tiny.chat.conversation.branches.first?.turns == original)
    #expect(candidates.count == 3)
    try tiny.type(":history", "2")
    #expect(tiny.chat.conversation.turns == candidates[1])
    #expect(tiny.output.notices.last?.hasPrefix("taken; ") == true)
    // The choice is made: a number is a message again.
    try tiny.type("2")
    #expect(tiny.chat.conversation.turns.count == 2)
  }

  @Test func anythingElseGoesOnFromTheLast() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1.5"]))
    try tiny.type("Hello", ":regen 2", "4", "1")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello", "4", "1"])
    try tiny.type(":regen 2", ":undo", "1")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello", "4", "1"])
  }

  @Test func alternativesAreListedAndEntered() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1.5"]))
    try tiny.type("One", "Two", ":undo", "Other", ":branch")
    let row = try #require(tiny.output.notices.last)
    #expect(row.hasPrefix("1  2 turns, other from turn 2: \"Two\" → \""))
    #expect(row.contains("to read again"))
    try tiny.type(":branch 1")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["One", "Two"])
    let notice = try #require(tiny.output.notices.last)
    #expect(notice.hasPrefix("2 turns (ctx \(tiny.chat.conversation.used)/512); "))
    try tiny.type(":branch 2")
    #expect(tiny.output.problems == [":branch: must be 1…1, got 2"])
    try expectSameAsFresh(tiny.chat)
  }

  @Test func droppingSaysWhatItCosts() throws {
    let clock = TestClock()
    let tiny = TinyRepl(try TinyChat(now: clock.now))
    clock.tick = .milliseconds(10)
    try tiny.type("One", "Two", "Three")
    let used = tiny.chat.conversation.used
    try tiny.type(":drop 1-2")
    let now = tiny.chat.conversation.used
    let unread = tiny.chat.conversation.pendingTokens
    let speed = try #require(tiny.chat.conversation.readingSpeed)
    #expect(
      tiny.output.notices == [
        "dropped turns 1–2 (−\(used - now) tokens, ctx \(now)/512); \(unread) tokens to read "
          + "again (~\(seconds(Double(unread) / speed))), at your next message"
      ])
    try tiny.type(":drop 2", ":drop 1-2")
    #expect(
      tiny.output.problems == [
        ":drop: no turn 2; there is only turn 1", ":drop: no turn 2; there is only turn 1",
      ])
  }

  @Test func everyCommandThatReadsAgainSaysSo() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "1.5"]))
    try tiny.type("One", "Two", "Three", ":drop 1", ":regen")
    let unread = try #require(tiny.repl.statistics.last).read
    #expect(tiny.output.notices.last { $0.hasPrefix("seed ") }?.contains("; ") == true)
    #expect(
      tiny.output.notices.contains { $0.contains("; \(unread) tokens to read again") })
    try tiny.type(":regen")
    #expect(tiny.output.notices.first == "seed 8 → 9")
    try tiny.type(":branch 1", ":undo")
    #expect(tiny.output.notices.allSatisfy { $0.contains(" tokens to read again") })
  }

  @Test func historyShowsTurnsAndTokens() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.max: "3"]))
    try tiny.type("One", "Two", ":history", ":history 1", ":history 3", ":history x")
    let usage = tiny.chat.conversation.usage.turns
    let rows = zip(tiny.chat.conversation.turns, usage).map { turn, tokens in
      "— turn \(tokens.number) · \(tokens.question) + \(tokens.answer) tokens"
        + "\(turn.reply?.isCut == true ? " · cut" : "")\n> \(turn.question)\n\(turn.answer)"
    }
    #expect(tiny.output.notices.suffix(2) == [rows.joined(separator: "\n"), rows[0]])
    #expect(
      tiny.output.problems == [
        ":history: no turn 3; there are 1…2",
        ":history: expected the number of a turn, got \"x\"",
      ])
    let conversation = tiny.chat.conversation
    conversation.leftOutTurns = [Turn(question: "Long\nago", answer: "Yes")]
    try tiny.type(":history 1", ":history 3")
    #expect(
      tiny.output.notices == [
        "— turn 1 · left out, the model is not told it\n> Long\n> ago\nYes",
        rows[1].replacing("turn 2", with: "turn 3"),
      ])
  }
}
