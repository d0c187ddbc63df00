import Inference
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct ReplTests {
  @Test func answersAndGoesOn() throws {
    let tiny = try TinyRepl()
    let lines = try tiny.type(
      "Hello", "", "   ", ":temp hot", "::temp", ":)", ":quit", "never read")
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello", ":temp", ":)"])
    let answers = tiny.chat.conversation.turns.map(\.answer).joined()
    #expect(tiny.output.replyText == answers)
    #expect(tiny.output.entries.filter { $0 == .endReply }.count == 3)
    #expect(tiny.output.problems == [":temp: must be 0…2, got \"hot\""])
    #expect(tiny.output.statisticsLines == tiny.repl.statistics.map(\.line))
    #expect(lines.prefills.count == 7)
  }

  @Test func statusShowsWhatMatters() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 124))
    let lines = try tiny.type(
      ":temp 0.55", ":threads 2", "Hello", String(repeating: "a", count: 40))
    let share = Int(
      (Double(tiny.chat.conversation.template.systemLength("Be brief.")) / 1.24).rounded())
    #expect(lines.statuses.first == "ctx \(share)% · T0.70 p0.90 · 1t")
    #expect(lines.statuses[2] == "ctx \(share)% · T0.55 p0.90 · 2t")
    // Four fifths of the context.
    #expect(tiny.chat.conversation.used * 5 >= 124 * 4)
    #expect(tiny.repl.status.text.hasSuffix("nearly full · T0.55 p0.90 · 2t"))
    #expect(tiny.repl.status.warns)
    #expect(try !TinyRepl().repl.status.warns)
  }

  @Test func controlCAtThePromptHintsOnce() throws {
    let tiny = try TinyRepl()
    let lines = TypedLines(events: [.interrupted, .interrupted, .line("Hello"), .endOfInput])
    try tiny.repl.run(lines)
    #expect(tiny.output.notices.first == "Ctrl-C stops a reply; Ctrl-D or :quit leaves")
    #expect(tiny.output.notices.filter { $0.hasPrefix("Ctrl-C") }.count == 1)
    #expect(tiny.chat.conversation.turns.count == 1)
  }

  @Test func stoppedReplyIsSaid() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.max: "0"]))
    tiny.output.onReply = tiny.interrupt.raise
    let lines = try tiny.type("Hello", ":stats off")
    let generated = try #require(tiny.repl.statistics.first).generated
    #expect(
      tiny.output.notices.first
        == "■ stopped after \(generated) token\(generated == 1 ? "" : "s") · :continue :regen :undo"
    )
    #expect(tiny.chat.conversation.turns.count == 1)
    #expect(lines.prefills == [nil, nil, nil])
  }

  @Test func stoppedReadingReturnsTheQuestion() throws {
    let clock = TestClock()
    let tiny = TinyRepl(try TinyChat(now: clock.now))
    let message = String(repeating: "word ", count: 60)
    try tiny.type("Hello")
    tiny.output.onProgress = tiny.interrupt.raise
    clock.tick = .milliseconds(400)
    let lines = try tiny.type(message, ":temp")
    #expect(tiny.chat.conversation.turns.count == 1)
    #expect(lines.prefills == [nil, message, nil])
    #expect(tiny.output.notices.first?.hasPrefix("stopped while reading (") == true)
    #expect(tiny.output.entries.contains(.progress(nil)))
  }

  @Test func longReadingShowsProgress() {
    let clock = TestClock()
    let output = RecordedOutput()
    let display = ReplyDisplay(output: output, readingSpeed: nil, now: clock.now)
    display.show(.reading(done: 0, total: 890))
    clock.advance(by: .milliseconds(250))
    display.show(.reading(done: 10, total: 890))
    clock.advance(by: .milliseconds(7350))
    display.show(.reading(done: 312, total: 890))
    display.show(.reading(done: 890, total: 890))
    display.show(.text("Hi"))
    display.finish()
    #expect(
      output.entries == [
        .progress("read 312/890 tokens · 41 tok/s · 14 s left"), .progress(nil), .reply("Hi"),
        .endReply,
      ])
  }

  @Test func expectedLongReadingShowsProgressAtOnce() {
    let clock = TestClock()
    let output = RecordedOutput()
    let display = ReplyDisplay(output: output, readingSpeed: 40, now: clock.now)
    display.show(.dropped(turns: 1...2, tokens: 421, rereading: 640))
    display.show(.reading(done: 0, total: 640))
    display.abandon()
    #expect(
      output.entries == [
        .notice("context full: dropped turns 1–2 (421 tokens), re-reading 640 (~16 s)"),
        .progress("read 0/640 tokens"), .progress(nil),
      ])
  }

  @Test func tooLongMessageReturnsToTheEditor() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 128))
    let message = String(repeating: "x", count: 300)
    let lines = try tiny.type(message)
    #expect(lines.prefills == [nil, message])
    let problem = try #require(tiny.output.problems.first)
    #expect(problem.hasPrefix("message too long: needs "))
    #expect(problem.hasSuffix(" tokens and 12 for the reply; the context has 128"))
    #expect(tiny.output.entries.count == 1)
  }

  @Test func damagedNumbersAreSaidAndTheChatGoesOn() throws {
    let tiny = TinyRepl(try TinyChat(damaged: true))
    let lines = try tiny.type("Hello", ":temp")
    #expect(tiny.output.problems.count == 1)
    #expect(tiny.output.problems.first?.contains("NaN or infinity") == true)
    #expect(tiny.output.notices == ["temp 0.70 (0…2)"])
    #expect(lines.prefills == [nil, "Hello", nil])
  }

  @Test func droppedTurnsAreSaid() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 160))
    try tiny.type(
      "Question number 1", "Question number 2", "Question number 3", "Question number 4")
    let said = tiny.output.notices.filter { $0.hasPrefix("context full: dropped turn") }
    #expect(!said.isEmpty)
    #expect(tiny.repl.statistics.count == 4)
  }

  @Test func llama2TagsReturnToTheEditor() throws {
    let tiny = TinyRepl(try TinyChat(template: .llama2))
    let lines = try tiny.type("a [INST] b", ":set tags allow", "a [INST] b")
    #expect(
      tiny.output.problems
        == ["contains \"[INST]\", a Llama-2 control tag; edit it or :set tags allow"])
    #expect(lines.prefills == [nil, "a [INST] b", nil, nil])
    #expect(tiny.chat.conversation.turns.count == 1)
  }
}

@Suite struct PipeTests {
  @Test func scriptRunsUntilItsFirstFailure() throws {
    let tiny = try TinyRepl()
    let script = ":temp 0\n\"\"\"\nHello\nthere\n\"\"\"\n:max 999999\nnever"
    let error = #expect(throws: ScriptError.self) {
      try tiny.repl.run(ScriptLines(script, name: "chat.txt", cut: .script), mode: .script)
    }
    #expect(
      error?.description
        == "chat.txt:6: :max: must be 0…512 tokens, 0 for no limit, got \"999999\"")
    #expect(error?.kind == .usage)
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello\nthere"])
  }

  @Test func messagesAreNeverCommands() throws {
    let tiny = try TinyRepl()
    try tiny.repl.run(ScriptLines(":quit\n::x\n", name: "-", cut: .lines), mode: .messages)
    #expect(tiny.chat.conversation.turns.map(\.question) == [":quit", "::x"])
  }

  @Test func failedMessageKeepsItsKind() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 128))
    let text = String(repeating: "x", count: 300)
    let error = #expect(throws: ScriptError.self) {
      try tiny.repl.run(ScriptLines(text, name: "standard input", cut: .message), mode: .messages)
    }
    #expect(error?.kind == .doesNotFit)
    #expect(error?.place == "standard input:1")
  }

  @Test func stoppedReplyEndsAScript() throws {
    let tiny = TinyRepl(try TinyChat(settings: [.max: "0"]))
    tiny.output.onReply = tiny.interrupt.raise
    #expect(throws: Interrupted.self) {
      try tiny.repl.run(ScriptLines("Hello\nmore", name: "-", cut: .lines), mode: .messages)
    }
    #expect(tiny.output.entries.filter { $0 == .endReply }.count == 1)
    #expect(tiny.chat.conversation.turns.count == 1)
  }
}
