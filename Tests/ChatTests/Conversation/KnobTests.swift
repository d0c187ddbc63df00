import Inference
import Testing

@testable import Chat

/// Knobs that turn when a test says so.
final class TestKnobs: Knobs {
  var turns: [KnobTurn] = []

  func takeTurns() -> [KnobTurn] {
    defer { turns = [] }
    return turns
  }
}

@Suite struct KnobTests {
  /// A reply during which each of `turns` is made after so many pieces of text.
  private func reply(
    _ chat: TinyChat, to question: String = "Hello", turning turns: [Int: [KnobTurn]] = [:]
  ) throws -> TurnStatistics {
    let knobs = TestKnobs()
    chat.conversation.knobs = knobs
    var pieces = 0
    return try chat.conversation.reply(to: question, interrupt: InterruptFlag()) { event in
      guard case .text = event else { return }
      pieces += 1
      knobs.turns += turns[pieces] ?? []
    }
  }

  @Test func threadsChangeNoToken() throws {
    let changes: [Settings.Key: String] = [.temp: "0", .max: "60"]
    let steady = try TinyChat(settings: changes)
    _ = try reply(steady)
    let turned = try TinyChat(settings: changes)
    let statistics = try reply(
      turned, turning: [3: [.threads(1)], 9: [.threads(-1)], 10: [.threads(1)]])
    #expect(turned.conversation.turns == steady.conversation.turns)
    #expect(statistics.changes.count == 3 && statistics.threads == 2)
    #expect(turned.engine.threads == 2)
  }

  @Test func temperatureActsAtTheNextToken() throws {
    let greedy = try TinyChat(settings: [.temp: "0", .max: "40"])
    _ = try reply(greedy)
    let turned = try TinyChat(settings: [.temp: "0", .max: "40"])
    var steps = 0
    let statistics = try reply(turned, turning: [5: Array(repeating: .temperature(1), count: 20)])
    let change = try #require(statistics.changes.first)
    #expect(statistics.changes.count == 1)
    #expect(change.knob == .temp && change.old == "0.00" && change.new == "2.00")
    let tokens = try #require(turned.conversation.turns.first?.reply?.tokens)
    let before = try #require(greedy.conversation.turns.first?.reply?.tokens)
    steps = change.token - 1
    #expect(steps >= 5 && steps < tokens.count)
    #expect(tokens.prefix(steps) == before.prefix(steps))
    #expect(tokens != before)
    // The same as a setting that is changed there.
    let set = try TinyChat(settings: [.temp: "0", .max: "40"])
    var pieces = 0
    _ = try set.conversation.reply(to: "Hello", interrupt: InterruptFlag()) { event in
      guard case .text = event else { return }
      pieces += 1
      if pieces == 5 { try? set.conversation.settings.set(.temp, to: "2") }
    }
    #expect(set.conversation.turns.first?.reply == turned.conversation.turns.first?.reply)
  }

  @Test func rangesEnd() throws {
    let chat = try TinyChat(settings: [.temp: "1.95", .max: "30"])
    let most = Array(repeating: KnobTurn.threads(1), count: Engine.maximumThreads + 2)
    let fewest = Array(repeating: KnobTurn.threads(-1), count: Engine.maximumThreads + 2)
    let statistics = try reply(
      chat, turning: [1: [.temperature(1), .temperature(1)], 2: most, 3: fewest])
    #expect(statistics.changes.map(\.new) == ["2.00", String(Engine.maximumThreads), "1"])
    let last = KnobChange(knob: .threads, old: "1", new: "1", token: 3)
    #expect(last.note == "threads 1, no further")
  }

  @Test func stopEndsTheReplyAndKeepsIt() throws {
    let chat = try TinyChat(settings: [.temp: "0", .max: "0"])
    let statistics = try reply(chat, turning: [4: [.stop]])
    #expect(statistics.ending == .interrupted)
    #expect(chat.conversation.turns.first?.answer.isEmpty == false)
    let reading = try TinyChat()
    let knobs = TestKnobs()
    reading.conversation.knobs = knobs
    knobs.turns = [.stop]
    #expect(throws: Interrupted.self) { try reading.conversation.say("Hello") }
    #expect(reading.conversation.turns.isEmpty)
  }

  @Test func statisticsSayWhatWasTurned() {
    var changes: [KnobChange] = []
    func turn(_ knob: KnobChange.Knob, _ old: String, _ new: String, _ token: Int) {
      changes.note(KnobChange(knob: knob, old: old, new: new, token: token))
    }
    turn(.threads, "4", "5", 35)
    turn(.threads, "5", "6", 36)
    turn(.temp, "0.70", "0.80", 40)
    turn(.threads, "6", "6", 41)
    #expect(changes.summary == ["threads 4→6 at token 35", "temp 0.70→0.80 at token 40"])
    turn(.threads, "6", "5", 50)
    #expect(changes.summary.first == "threads 4→6→5 at token 35, 50")
    turn(.threads, "5", "6", 60)
    turn(.threads, "6", "5", 70)
    #expect(changes.summary.first == "threads 4→…→5 from token 35 to 70")
  }

  @Test func knobsAreHintedAtAndSaid() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.temp: "0"]))
    let knobs = TestKnobs()
    tiny.chat.conversation.knobs = knobs
    tiny.output.onReply = { knobs.turns = [.temperature(1)] }
    try tiny.type("Hello")
    #expect(tiny.output.hints.first == "temp 0.10")
    #expect(tiny.output.statisticsLines.first?.contains(" · temp 0.00→") == true)
  }
}
