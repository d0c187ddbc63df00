import Inference
import ModelFile
import Testing
import Tokenization

@testable import Chat

/// What becomes of a message that does not fit, by each policy.
@Suite struct OverflowTests {
  /// A chat that has room for its turns but for no other message.
  private func fullChat(_ policy: String) throws -> TinyChat {
    let chat = try TinyChat(capacity: 160, settings: [.overflow: policy, .temp: "1"])
    for number in 1...9 {
      let turns = chat.conversation.turns
      let needed = chat.conversation.template.encode(
        system: "Be brief.", turns: turns, pending: "Question number \(number)"
      ).count
      if needed + 12 > 160 { return chat }
      try chat.conversation.say("Question number \(number)")
    }
    Issue.record("the context did not fill")
    return chat
  }

  /// Token for token what a chat says that never had the turns that were left out.
  @Test func dropEqualsAFreshChatOfTheKeptTurns() throws {
    let chat = try fullChat("drop")
    let conversation = chat.conversation
    let before = conversation.turns
    let state = conversation.sampler.generatorState
    var dropped = 0
    _ = try conversation.reply(to: "One more question", interrupt: InterruptFlag()) {
      if case .dropped(let turns, _, _) = $0 { dropped = turns.count }
    }
    #expect(dropped > 0)
    #expect(conversation.leftOutTurns == Array(before[..<dropped]))

    let fresh = try chat.fresh()
    fresh.turns = Array(before[dropped...])
    fresh.sampler.generatorState = state
    try fresh.say("One more question")
    #expect(fresh.turns.last?.reply == conversation.turns.last?.reply)
    #expect(fresh.turns.last?.record == conversation.turns.last?.record)
    #expect(fresh.cache.tokens == conversation.cache.tokens)
    try expectSameAsFresh(chat)
  }

  @Test(arguments: TemplateKind.allCases)
  func noMoreTurnsAreDroppedThanNeeded(kind: TemplateKind) throws {
    let chat = try TinyChat(template: kind, capacity: 300, settings: [.temp: "0", .max: "2"])
    let conversation = chat.conversation
    let turns = (0..<20).map { number in
      Turn(question: String(repeating: "the ", count: number % 7), answer: "and \(number) more")
    }
    var counts: Set<Int> = []
    for length in [1, 10, 30, 60, 90, 110] {
      conversation.turns = turns
      let question = String(repeating: " and", count: length)
      let needed = try #require(
        (0...turns.count).first { count in
          let rest = Array(turns.dropFirst(count))
          let prompt = chat.conversation.template.encode(
            system: conversation.system, turns: rest, pending: question)
          return prompt.count + conversation.preferredReserve <= conversation.capacity
        })
      var dropped = 0
      _ = try conversation.reply(to: question, interrupt: InterruptFlag()) {
        if case .dropped(let turns, _, _) = $0 { dropped = turns.count }
      }
      #expect(dropped == needed, "\(length)")
      counts.insert(dropped)
    }
    #expect(counts.count >= 3)
  }

  @Test func stopRefusesAndChangesNothing() throws {
    let chat = try fullChat("stop")
    let tiny = TinyRepl(chat)
    let conversation = chat.conversation
    let (turns, held) = (conversation.turns, conversation.cache.tokens)
    let lines = try tiny.type("One more question", ":temp")
    let needed = conversation.template.encode(
      system: "Be brief.", turns: turns, pending: "One more question"
    ).count
    #expect(
      tiny.output.problems == [
        "context full: need \(needed + 12) tokens, have 160 — :drop 1, :clear, shorten it, or :overflow drop"
      ])
    #expect(lines.prefills == [nil, "One more question", nil])
    #expect(conversation.turns == turns)
    #expect(conversation.cache.tokens == held)
    // As it was told.
    try tiny.type(":drop 1", "One more question")
    #expect(tiny.output.problems.isEmpty)
    #expect(conversation.turns.last?.question == "One more question")
    #expect(conversation.droppedTurns == 0)
  }

  @Test(arguments: ["drop", "stop"])
  func aMessageThatNeverFitsIsTooLong(policy: String) throws {
    let chat = try fullChat(policy)
    let turns = chat.conversation.turns
    let error = #expect(throws: ChatError.self) {
      try chat.conversation.say(String(repeating: "x", count: 200))
    }
    guard case .messageTooLong(_, 12, 160)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(chat.conversation.turns == turns)
  }

  @Test(arguments: [
    ("drop", 1, "there is no older turn to leave out; :clear starts anew"),
    (
      "drop", 2,
      ":continue leaves out the oldest turns, as does your next message; :clear starts anew"
    ),
    ("stop", 2, ":drop 1 then :continue; :clear starts anew"),
  ])
  func aReplyThatReachesTheEndSaysSo(policy: String, turns: Int, wayOn: String) throws {
    let chat = try TinyChat(
      capacity: 128, settings: [.max: "4", .overflow: policy, .temp: "2"])
    let tiny = TinyRepl(chat)
    if turns == 2 { try tiny.type("Hi") }
    try tiny.type(":max 0", "Hello")
    // A generator that never stops is likely but not certain: look for one that reaches the end.
    for _ in 0..<20 where tiny.repl.statistics.last?.ending != .contextEnd {
      try tiny.type(":regen")
    }
    #expect(tiny.output.notices.last == "■ context full (128/128) · \(wayOn)")
    let answer = try #require(chat.conversation.turns.last?.answer)
    #expect(!answer.isEmpty)
    guard turns == 2 else { return }
    try tiny.type(":max 3", ":continue")
    #expect(tiny.output.problems.isEmpty == (policy == "drop"))
    if policy == "stop" { try tiny.type(":drop 1", ":continue") }
    #expect(tiny.output.problems.isEmpty)
    #expect(chat.conversation.turns.count == 1)
    #expect(chat.conversation.turns.last?.answer.hasPrefix(answer) == true)
  }
}

@Suite struct ContextGaugeTests {
  private func usage(_ turns: Int) -> ContextUsage {
    ContextUsage(
      system: 38,
      turns: (0..<turns).map { .init(number: $0 + 4, question: 10 + $0, answer: 20 * $0) },
      capacity: 20_480)
  }

  @Test func turnsHaveBars() {
    let gauge = ContextGauge(usage: usage(3), leftOut: 3)
    #expect(
      gauge.picture == """
        █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  1% · 131 of 20,480 tokens · 20,349 free
        turns 1–3 left out: there was no more room
        system       38  █████████████████████████████
        turn 4  10 +  0  ▒▒▒▒▒▒▒
        turn 5  11 + 20  ▒▒▒▒▒▒▒▒███████████████
        turn 6  12 + 40  ▒▒▒▒▒▒▒▒▒██████████████████████████████
        ▒ question  █ reply
        """)
    #expect(
      gauge.text == """
        ctx 1% · 131 of 20,480 tokens · 20,349 free
        system 38 · 4: 10+0 · 5: 11+20 · 6: 12+40 (question+reply)
        turns 1–3 left out: there was no more room
        """)
  }

  @Test func manyTurnsShareARow() {
    for turns in [0, 1, 12, 13, 500] {
      var usage = usage(turns)
      usage.capacity = max(usage.capacity, usage.used)
      let gauge = ContextGauge(usage: usage, leftOut: 100_000)
      let rows = gauge.picture.split(separator: "\n")
      #expect(rows.count <= 24)
      #expect(rows.allSatisfy { $0.count <= 80 }, "\(gauge.picture)")
      #expect(gauge.picture.contains("turns 4–") == (turns > 13))
    }
    #expect(ContextGauge(usage: usage(14), leftOut: 0).picture.contains("turns 4–5  21 +  20\n"))
    #expect(
      ContextGauge(usage: usage(14), leftOut: 0).text.contains(" · turns 4–5: 21+20 · 6: 12+"))
  }

  /// Encoding the chat up to each turn gives the same, in a time that grows with the square.
  @Test(arguments: TemplateKind.allCases, [nil, "", "Be brief. "])
  func lengthsAreThoseOfEverLongerChats(_ kind: TemplateKind, system: String?) throws {
    let template = try TinyChat(template: kind).conversation.template
    let turns = [
      Turn(question: "Hello the", answer: "ether et"), Turn(question: " é", answer: ""),
      Turn(question: "a\n", answer: "tea in the inn"),
    ]
    let lengths = template.turnLengths(system: system, turns: turns)
    var end = template.systemLength(system)
    for (index, turn) in turns.enumerated() {
      let before = Array(turns[..<index])
      let asked = template.encode(system: system, turns: before, pending: turn.question).count
      let answered = template.encode(system: system, turns: before + [turn]).count
      // A base model's text is one: a pair of letters across a seam counts for one side only.
      let slack = kind == .none ? 1 : 0
      #expect(abs(lengths[index].question - (asked - end)) <= slack)
      #expect(abs(lengths[index].answer - (answered - asked)) <= slack)
      end = answered
    }
    let sum = lengths.map { $0.question + $0.answer }.reduce(0, +)
    #expect(template.systemLength(system) + sum == end)
  }
}

@Suite struct BenchCommandTests {
  @Test func theStateStaysAsItWas() throws {
    let tiny = try TinyRepl()
    try tiny.type("Hello", ":bench 3")
    let held = tiny.chat.conversation.cache.tokens
    let text = try #require(tiny.output.notices.last)
    #expect(text.hasPrefix("3 steps at position \(held.count), 1 thread: "))
    #expect(text.contains(" tok/s, "))
    #expect(text.contains("GB/s these threads read from the same file"))
    #expect(tiny.repl.speedByThreads[1] != nil)
    try tiny.type(":bench")
    #expect(tiny.output.notices.last?.hasPrefix("32 steps at position") == true)
    #expect(tiny.chat.conversation.cache.tokens == held)
    try expectSameAsFresh(tiny.chat)
  }

  @Test func itIsStopped() throws {
    let tiny = try TinyRepl()
    try tiny.type("Hello")
    let held = tiny.chat.conversation.cache.tokens
    tiny.output.onProgress = tiny.interrupt.raise
    try tiny.type(":bench 256")
    #expect(tiny.output.notices == ["stopped; nothing changed"])
    #expect(
      tiny.output.entries.last == .progress(nil)
        || tiny.output.entries.last == .notice("stopped; nothing changed"))
    #expect(tiny.chat.conversation.cache.tokens == held)
    tiny.output.onProgress = {}
    try expectSameAsFresh(tiny.chat)
  }

  @Test(arguments: ["0", "257", "x", "1 2", "-1"])
  func stepsAreChecked(text: String) throws {
    let tiny = try TinyRepl()
    try tiny.type(":bench \(text)")
    #expect(tiny.output.problems == [":bench: must be 1…256 steps, got \"\(text)\""])
  }

  @Test func aFullContextHasNoRoom() throws {
    let chat = try TinyChat(capacity: 64, system: nil)
    _ = try chat.engine.forward([TokenID](repeating: 5, count: 64), cache: chat.conversation.cache)
    let tiny = TinyRepl(chat)
    try tiny.type(":bench")
    #expect(
      tiny.output.problems
        == [":bench: no room for one more token (64/64); :undo and ask again, or :clear"])
  }
}

@Suite struct StatisticsSummaryTests {
  /// What was read while the user typed is neither read for the reply nor from long before.
  @Test func whatWasReadAheadIsCountedApart() {
    var turn = TurnStatistics(
      read: 13, cached: 24, bytesPerToken: 1, contextCapacity: 64, threads: 1)
    let plain = StatisticsSummary(turns: [turn]).table
    #expect(plain.contains("13 tokens read, 24 from the cache (65%)"), "\(plain)")
    turn.noteReadAhead(from: 0)
    let ahead = StatisticsSummary(turns: [turn]).table
    #expect(ahead.contains("13 tokens read, 24 ahead, 0 from the cache (0%)"), "\(ahead)")
  }

  @Test(arguments: [(50, 3.0, 3.0), (95, 5.0, 1.0), (1, 1.0, 5.0), (60, 3.0, 3.0), (61, 4.0, 2.0)])
  func percentilesAreOfTheWorse(share: Int, time: Double, speed: Double) {
    let values = [4.0, 1, 3, 5, 2]
    #expect(StatisticsSummary.percentile(share, of: values, isTime: true) == time)
    #expect(StatisticsSummary.percentile(share, of: values, isTime: false) == speed)
    #expect(StatisticsSummary.percentile(share, of: [], isTime: true) == nil)
  }

  @Test func keysAndValuesCountAsRead() {
    var turn = TurnStatistics(
      read: 1, cached: 0, bytesPerToken: 1_000_000_000, contextCapacity: 2048, threads: 1)
    turn.decodeSteps = 10
    turn.decodeSeconds = 2
    #expect(turn.gigabytesPerSecond == 5)
    turn.cacheBytes = 4_000_000_000
    #expect(turn.gigabytesPerSecond == 7)
  }
}
