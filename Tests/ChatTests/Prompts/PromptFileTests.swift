import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct PromptFileTests {
  private static let whole = """
    ---
    title: "Explains: at a level"
    system: |
      You are {{mood}}.

      Always.
    temp: 0.6
    max: 300
    args: topic, level=ten-year-old, mood=calm and kind
    ---
    Explain {{topic}} to a {{ level }}. {{input}}
     %%
    Literally {{{{topic}}, please.

    """

  @Test func fillsInWhatIsTyped() throws {
    let prompt = try PromptFile(name: "x", path: "x.md", text: Self.whole)
    #expect(prompt.title == "Explains: at a level" && prompt.warnings.isEmpty)
    #expect(prompt.settings == [.temp: "0.6", .max: "300"])
    #expect(prompt.usage == "topic, level=ten-year-old, mood=calm and kind, [text]")
    let rendered = try prompt.rendered([("topic", "{{level}}"), ("level", "")], input: "Be brief.")
    #expect(
      rendered
        == RenderedPrompt(
          name: "x", system: "You are calm and kind.\n\nAlways.",
          messages: ["Explain {{level}} to a . Be brief.", "Literally {{topic}}, please."],
          isPersona: false, settings: prompt.settings))
    let standard = try prompt.rendered([("topic", "rain")])
    #expect(standard.messages.first == "Explain rain to a ten-year-old.")
  }

  @Test(arguments: [
    ([] as [(String, String)], "x needs topic: :prompt x topic=…"),
    ([("tpoic", "a")], "x has no variable \"tpoic\"; did you mean topic? (-- in front of"),
    ([("zzz", "a")], "x has no variable \"zzz\"; it takes topic, level, mood (--"),
    ([("topic", "a"), ("topic", "b")], "topic is given twice"),
  ])
  func refusesValues(given: [(String, String)], message: String) throws {
    let prompt = try PromptFile(name: "x", path: "x.md", text: Self.whole)
    let error = #expect(throws: PromptError.self) {
      try prompt.rendered(given.map { (name: $0.0, value: $0.1) })
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error as Any)")
    #expect(error?.kind == .usage)
  }

  @Test func aTextNeedsAPlaceOrIsTheMessage() throws {
    let persona = try PromptFile(name: "p", path: "p.md", text: "---\nsystem: You.\n---\n")
    #expect(try persona.rendered().messages.isEmpty && persona.rendered().isPersona)
    #expect(try persona.rendered(input: "Hello").messages == ["Hello"])
    let fixed = try PromptFile(name: "f", path: "f.txt", text: "Tell a joke.\n")
    #expect(try fixed.rendered().messages == ["Tell a joke."] && fixed.rendered().system == nil)
    let error = #expect(throws: PromptError.self) { try fixed.rendered(input: "Now") }
    #expect(error?.reason == "f takes no text: it has no {{input}}")
    let needs = try PromptFile(
      name: "n", path: "n.md", text: "---\nargs: input\n---\nEdit: {{input}}")
    let missing = #expect(throws: PromptError.self) { try needs.rendered() }
    #expect(missing?.reason == "n needs a text: :prompt n TEXT")
    #expect(try needs.rendered(input: "x").messages == ["Edit: x"])
  }

  @Test(arguments: [
    ("", "x.md:1: expected \"---\" and front matter"),
    ("You are", "x.md:1: expected \"---\" and front matter"),
    ("---\ntitle: a\n", "x.md:1: front matter never ends; expected \"---\""),
    ("---\ntemp: 1\n---\n \n", "x.md:5: has neither a system prompt nor a message"),
    ("---\ntitle:\n---\nB", "x.md:2: title: expected a text"),
    ("---\ntitle: |\n  a\n  b\n---\nB", "x.md:2: title: expected one line"),
    ("---\ntitle: a\ntemp: hot\n---\nB", "x.md:3: temp: must be 0…2, got \"hot\""),
    (
      "---\ntitle: a\nmax: -1\n---\nB",
      "x.md:3: max: must be 0…\(Int.max) tokens, 0 for no limit, got \"-1\""
    ),
    ("---\ntitle: a\ntopp: [1, 2]\n---\nB", "x.md:3: topp: expected a text"),
    ("---\njust text\n---\nB", "x.md:2: front matter: expected \"key: value\" lines"),
    ("---\ntitle: a\n? [b]\n: c\n---\nB", "x.md:3: front matter: expected a plain \"key: value\""),
    ("---\ntemp: 1\ntemp: 0\n---\nB", "x.md:2: front matter: gives \"temp\" twice"),
    (
      "---\na: &x [1]\nb: [*x, *x]\n---\nB",
      "x.md:3: front matter: anchors and aliases (&name, *name) are not taken; write the value out"
    ),
    ("---\nargs: a, 1b\n---\nB", "x.md:2: args: expected names parted by commas, got \"1b\""),
    ("---\nargs: a, a=2\n---\nB", "x.md:2: args: names a twice"),
    ("---\n---\nA\n\n%%\n \n%%\nB", "x.md:6: an empty message; expected text beside \"%%\""),
    (
      "---\nargs: topic\n---\nA\n%%\nB\n{{tpoic}}",
      "x.md:7: unknown variable {{tpoic}}; did you mean {{topic}}?"
    ),
    (
      "---\nsystem: You.\n---\n\n\n{{who}}",
      "x.md:6: unknown variable {{who}}; name it in args, or write {{{{ for {{ itself"
    ),
    ("---\nsystem: Do {{input}}.\n---\n", "x.md:2: unknown variable {{input}}; name it in args"),
    ("---\n---\nA {{b c}}", "x.md:3: {{b c}} is no variable's name; write {{{{ for {{ itself"),
    ("---\n---\nA\n{{input", "x.md:4: {{ is never closed; write {{{{ for {{ itself"),
    ("---\n---\nA\n{{file:x", "x.md:4: {{file: is never closed; expected }}"),
    ("---\n---\n{{file:}}", "x.md:3: {{file:}} names no file"),
    ("---\n---\n{{file:{{file:x}}}}", "x.md:3: a file's path holds another {{file:"),
  ])
  func refusesWithALine(text: String, message: String) {
    let error = #expect(throws: PromptError.self) {
      try PromptFile(name: "x", path: "x.md", text: text)
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error as Any)")
    #expect(error?.kind == .damagedFile)
  }

  @Test func oddThingsAreWarnings() throws {
    let text = "---\ntilte: a\nauthor: me\nargs: topic\n---\nHello"
    let prompt = try PromptFile(name: "x", path: "x.md", text: text)
    #expect(
      prompt.warnings.map(\.description) == [
        "x.md:2: unknown key \"tilte\"; did you mean \"title\"?",
        "x.md:3: unknown key \"author\"; known: title, system, temp, topp, max, args",
        "x.md: args names topic, which is used nowhere",
      ])
    #expect(prompt.title == "x")
  }

  /// Depth, breadth and size that would hurt a parser.
  @Test func hostileFrontMatterIsRefusedAtOnce() {
    let bomb =
      "a0: &a0 [x, x]\n"
      + (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined() + "*a40 : 1\n"
    let texts = [
      bomb, String(repeating: "[", count: 50_000), String(repeating: "{a: ", count: 10_000),
      String(repeating: "x", count: 100_000), "a: \"\u{1}\"", "- a\n- b", "\t", "a: 'open",
    ]
    for text in texts {
      #expect(throws: PromptError.self, "\(text.prefix(20))") {
        try PromptFile(name: "x", path: "x.md", text: "---\n\(text)\n---\nBody")
      }
    }
  }

  @Test func filesAreFilledIn() throws {
    let directory = try TemporaryDirectory()
    try directory.write("note.txt", Array("{{topic}} stays\n".utf8))
    let text = "---\nargs: path=\n---\nRead: {{file:note.txt}}! {{file:{{path}}}}"
    let path = try directory.write("p.md", Array(text.utf8))
    let prompt = try PromptFile(name: "p", path: path, text: text)
    let typed = [(name: "path", value: directory.file("note.txt"))]
    #expect(try prompt.rendered(typed).messages == ["Read: {{topic}} stays! {{topic}} stays"])
    let missing = #expect(throws: TextInputError.self) {
      try prompt.rendered([("path", "/nonexistent")])
    }
    #expect(missing?.description == "/nonexistent: no such file")
  }
}

@Suite struct PromptCallTests {
  @Test(
    arguments: [
      ("x", "x", [], nil), ("  x  hello  there ", "x", [], "hello  there"),
      (
        "x a=1 b=\"two words\" c='' don't stop", "x", ["a", "1", "b", "two words", "c", ""],
        "don't stop"
      ),
      ("x a=1 -- b=2", "x", ["a", "1"], "b=2"), ("x 1=2", "x", [], "1=2"),
      ("x a= b=\\ c", "x", ["a", "", "b", " c"], nil), ("x say a=1", "x", [], "say a=1"),
    ] as [(String, String, [String], String?)])
  func cutsALine(line: String, name: String, values: [String], text: String?) throws {
    let call = try PromptCall(line)
    #expect(call.name == name && call.text == text)
    #expect(call.values.flatMap { [$0.name, $0.value] } == values)
  }

  @Test func anOpenQuoteIsNamed() {
    #expect(throws: UnclosedQuote.self) { try PromptCall("x a=\"b c") }
  }
}
