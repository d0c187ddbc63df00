import Foundation
import Inference
import TestSupport
import Testing

@testable import Chat

@Suite struct ScriptTests {
  /// Lives as long as each test.
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ name: String, _ text: String) throws
    -> String
  {
    try directory.write(name, Array(text.utf8))
    return directory.file(name)
  }

  @Test func takesLinesAsIfTyped() throws {
    let inner = try write("inner.txt", ":max 3\n")
    let script = try write(
      "demo.txt", ":run \(inner)\nHello\n\"\"\"\ntwo\nlines\n\"\"\"\n:temp 0\n")
    let tiny = try TinyRepl()
    try tiny.type(":run \(script)", "after")
    #expect(tiny.output.problems == [])
    #expect(tiny.chat.conversation.turns.map(\.question) == ["Hello", "two\nlines", "after"])
    #expect(tiny.output.notices.contains("> two\nlines"))
    #expect(!tiny.output.notices.contains("> after"))
    #expect(tiny.chat.conversation.settings.maxTokens == 3)
    #expect(tiny.chat.conversation.settings.temperature == 0)
  }

  @Test func stopsAtTheFirstFailure() throws {
    let inner = try write("inner.txt", "\n:tmep 1\nnever\n")
    let script = try write("demo.txt", "One\n:run \(inner)\nnever\n")
    let open = try write("open.txt", "\"\"\"\nnever\n")
    let tiny = try TinyRepl()
    try tiny.type(":run \(script)", ":run \(open)", ":run /nonexistent", ":run", "Two")
    #expect(
      tiny.output.problems == [
        "\(script):2: \(inner):2: :tmep: no such command. Did you mean :temp? (type ::tmep to send it)",
        "\(open):1: the text ends inside a message; expected a closing \"\"\" or a last line",
        ":run: /nonexistent: no such file",
        ":run: expected a file of messages and commands, as in :run demo.txt",
      ])
    #expect(tiny.chat.conversation.turns.map(\.question) == ["One", "Two"])
  }

  @Test func endsWhatRunsItself() throws {
    let path = directory.file("loop.txt")
    _ = try write("loop.txt", ":run \(path)\n")
    let tiny = try TinyRepl()
    try tiny.type(":run \(path)", ":temp 0")
    #expect(tiny.output.problems.count == 1)
    #expect(tiny.output.problems[0].contains("scripts run scripts 8 deep"))
    // One line for each script it went through.
    #expect(tiny.output.problems[0].components(separatedBy: "loop.txt:1: ").count == 9)
    #expect(tiny.chat.conversation.settings.temperature == 0)
  }

  @Test func stoppingAReplyStopsTheScriptAlone() throws {
    let script = try write("demo.txt", "One\nTwo\n")
    let tiny = try TinyRepl()
    tiny.output.onReply = { tiny.interrupt.raise() }
    try tiny.type(":run \(script)", ":temp 0")
    #expect(tiny.output.notices.contains("stopped in \(script):1"))
    #expect(tiny.chat.conversation.turns.map(\.question) == ["One"])
    #expect(tiny.chat.conversation.settings.temperature == 0)
  }

  @Test func quitLeavesFromWithin() throws {
    let script = try write("demo.txt", ":quit\nnever\n")
    let tiny = try TinyRepl()
    try tiny.type(":run \(script)", "never")
    #expect(tiny.chat.conversation.turns.isEmpty)
  }
}
