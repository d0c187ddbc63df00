import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct ReplayTests {
  private func session(of kept: KeptRepl) -> Session {
    kept.keeper.session(of: kept.conversation, promptName: nil)
  }

  private func replay(_ session: Session, _ kept: KeptRepl, threads: Int = 1) throws
    -> Replay.Summary
  {
    let engine = try Engine(model: kept.tiny.chat.engine.model, threads: threads)
    let bytes = SessionFile.encode(session)
    return try Replay(
      SessionFile.decode(bytes, path: "x"), path: "x.chat", engine: engine,
      template: kept.conversation.template
    ).run(interrupt: InterruptFlag())
  }

  /// Settings turned, turns taken back, dropped, drawn again, stopped: each reply comes out the same.
  @Test(arguments: KVType.allCases)
  func everyReplyComesOutTheSame(type: KVType) throws {
    let kept = try KeptRepl(
      try TinyChat(capacity: 200, kvType: type, settings: [.temp: "1.4", .max: "20"]))
    try kept.tiny.type(
      "One", "Two", ":temp 0.6", "Three", ":undo", ":topp 1", "Another", ":regen", ":seed 5",
      ":system Be long.", "Four", ":temp 0", "Five", ":max 3", "Six")
    kept.tiny.output.onReply = kept.tiny.interrupt.raise
    try kept.tiny.type(":max 0", ":temp 1", "Seven")
    kept.tiny.output.onReply = {}
    try kept.tiny.type("Eight")
    let session = self.session(of: kept)
    #expect(!session.leftOut.isEmpty)
    let summary = try replay(session, kept)
    #expect(summary.turns == 8)
    #expect(summary.unrecorded.isEmpty)
    let tokens = session.allTurns.compactMap(\.record?.tokens.count).reduce(0, +)
    #expect(summary.text == "8 turns, \(tokens) tokens")
    #expect(try replay(session, kept, threads: min(2, Engine.maximumThreads)) == summary)
  }

  /// Knobs turned in the midst of replies, replies gone on with after others, tokens chosen, words put in by hand.
  @Test func whatCameAboutInSeveralWaysComesOutTheSame() throws {
    let kept = try KeptRepl(try TinyChat(settings: [.temp: "1", .max: "10"]))
    let tiny = kept.tiny
    let knobs = TestKnobs()
    kept.conversation.knobs = knobs
    var pieces = 0
    tiny.output.onReply = {
      pieces += 1
      if pieces % 3 == 0 { knobs.turns = [.temperature(pieces % 2 == 0 ? 3 : -2)] }
    }
    try tiny.type("One", ":continue", "Two", ":alt 4 2", ":continue", ":temp 0.5", ":continue")
    tiny.repl.externalEditor = { _ in "quite other words" }
    try tiny.type("Three", ":amend", ":continue", ":seed 3", ":continue", "Four", ":amend")
    let session = self.session(of: kept)
    let records = session.turns.map(\.record)
    #expect(records.map { ($0?.stretches.count ?? 0) > 2 } == [true, true, true, false])
    #expect(records[1]?.stretches.contains { $0.draw == nil && $0.start == 3 } == true)
    #expect(records[2]?.stretches.first?.draw == nil)
    let summary = try replay(session, kept)
    #expect(summary.turns == 3 && summary.unrecorded == [4])
    let given = try #require(records[2]?.stretches[1].start) + 1
    #expect(summary.given == given)
    #expect(summary.text.contains(" tokens, and \(given) that were given; not run, as "))
    // Each stretch counts: with another temperature the tokens would be others.
    for (turn, record) in records.enumerated() {
      for stretch in (record?.stretches ?? []).indices where record?.stretches[stretch].draw != nil
      {
        var changed = session
        changed.turns[turn].record?.stretches[stretch].draw?.generatorState ^= 0x1234_5678_9ABC
        changed.turns[turn].record?.stretches[stretch].draw?.temperature = 2
        #expect(throws: ReplayError.self) { try replay(changed, kept) }
      }
    }
  }

  @Test func theFirstDifferenceIsNamed() throws {
    let kept = try KeptRepl(try TinyChat(settings: [.temp: "1"]))
    try kept.tiny.type("One", "Two", "Three")
    let session = self.session(of: kept)
    func reason(_ change: (inout Session) -> Void) -> String? {
      var changed = session
      change(&changed)
      do {
        _ = try replay(changed, kept)
        return nil
      } catch let error as ReplayError {
        #expect(error.place == "x.chat")
        #expect(error.kind == .damagedFile)
        return error.reason
      } catch { return "\(error)" }
    }
    #expect(reason { _ in } == nil)
    let second = try #require(session.turns[1].record)
    let expected = second.tokens[1]
    let found = reason { $0.turns[1].record?.tokens[1] = expected == 5 ? 6 : 5 }
    #expect(found?.hasPrefix("turn 2: token 2 is \(expected) \"") == true, "\(found ?? "")")
    #expect(found?.contains("; the file has ") == true)
    #expect(reason { $0.turns[2].record?.tokens[0] = 600 }?.contains("outside the vocab") == true)
    #expect(reason { $0.turns[2].record?.prompt[0] = 600 }?.contains("outside the vocab") == true)
    #expect(reason { $0.turns[1].record?.stretches[0].draw?.generatorState ^= 0x5555_0000 } != nil)
    let long = [TokenID](repeating: 3, count: 600)
    #expect(reason { $0.turns[0].record?.prompt = long }?.contains("needs 600 tokens") == true)
    #expect(reason { $0.model.weights ^= 1 }?.contains("which has other weights") == true)
    #expect(
      reason { session in
        for index in session.turns.indices { session.turns[index].record = nil }
      } == "holds no reply with a record of how it was drawn")
    let other = reason {
      let record = $0.turns[1].record
      $0.turns[1].answer += "!"
      $0.turns[1].record = record
    }
    #expect(other == "turn 2: the tokens do not read as the answer in the file")
  }

  @Test func changedAnswersHaveNoRecord() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One", "Two")
    var session = self.session(of: kept)
    session.turns[0].answer += " and more"
    #expect(session.turns[0].record == nil)
    let summary = try replay(session, kept)
    #expect(summary.turns == 1)
    #expect(summary.unrecorded == [1])
    #expect(
      summary.text.hasSuffix("not run, as they were changed or are of another program: turns 1"))
  }

  @Test func anInterruptEndsIt() throws {
    let kept = try KeptRepl()
    try kept.tiny.type("One")
    let replay = try Replay(
      session(of: kept), path: "x", engine: kept.tiny.chat.engine,
      template: kept.conversation.template)
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) { try replay.run(interrupt: interrupt) }
  }
}
