import Testing

@testable import Chat

@Suite struct NumberArgumentTests {
  /// Numbers at the ends of what there is, and beyond: an answer each, and the chat stays as it was.
  @Test(arguments: [
    ":history #", ":probs #", ":alt # 1", ":alt 1 #", ":copy #", ":copy code #", ":branch #",
    ":drop #", ":edit #",
    ":undo #", ":regen #", ":max #", ":threads #", ":seed #", ":bench #", ":set max #",
  ])
  func extremesAreRefused(command: String) throws {
    let tiny = try TinyRepl()
    try tiny.type("Hello")
    let turns = tiny.chat.conversation.turns
    for number in [
      "0", "-1", "\(Int.min)", "\(Int.max)", "-9223372036854775809", "9223372036854775808",
    ] {
      let line = command.replacing("#", with: number)
      try tiny.type(line)
      #expect(tiny.output.problems.count + tiny.output.notices.count >= 1, "\(line)")
      #expect(tiny.chat.conversation.turns == turns, "\(line)")
    }
  }

  @Test func aChoiceIsMadeByAnyNumber() throws {
    let tiny = try TinyRepl(TinyChat(settings: [.temp: "1"]))
    try tiny.type("Hello", ":regen 3", "\(Int.min)")
    #expect(tiny.chat.conversation.turns.last?.question == "\(Int.min)")
  }

  @Test func elementsAreNumberedFromOne() {
    let letters = ["a", "b"]
    #expect([1, 2].map { letters.element(numbered: $0) } == ["a", "b"])
    for number in [0, 3, -1, Int.min, Int.max] { #expect(letters.element(numbered: number) == nil) }
    #expect([String]().element(numbered: 1) == nil)
  }
}
