import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct TypedLineTests {
  @Test(arguments: [
    (":temp 0.9", TypedLine.command(name: "temp", argument: "0.9")),
    (":q", .command(name: "q", argument: "")), (":?", .command(name: "?", argument: "")),
    (":system  You are\tx ", .command(name: "system", argument: "You are\tx")),
    (":temp=1", .command(name: "temp=1", argument: "")),
    (":set\ttemp 1", .command(name: "set", argument: "temp 1")), (":)", .message(":)")),
    (":D", .message(":D")), (": hi", .message(": hi")), (":", .message(":")), ("", .message("")),
    ("::temp", .message(":temp")), (":::temp", .message("::temp")), ("::)", .message("::)")),
    (" :temp", .message(" :temp")), (":temp\nx", .message(":temp\nx")), (":é", .message(":é")),
    (":t\u{301}", .command(name: "t\u{301}", argument: "")),
  ])
  func tellsCommandsFromMessages(line: String, typed: TypedLine) {
    #expect(TypedLine(line) == typed)
  }
}

@Suite struct CommandTableTests {
  @Test func hasExactlyTheDocumentedCommands() {
    let documented = """
      help quit file run config device temp topp seed max threads set system overflow bench prompt prompts clear undo edit edit! regen \
      continue amend branch drop history probs alt copy save load sessions export ctx stats tokens model
      """
    #expect(
      CommandTable.all.map(\.name).sorted()
        == documented.split(separator: " ").map(String.init).sorted())
    let names = CommandTable.all.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
  }

  @Test func helpFitsOnAScreen() {
    let lines = CommandTable.overview.split(separator: "\n")
    #expect(lines.count <= 24)
    #expect(lines.allSatisfy { $0.count <= 80 })
    for command in CommandTable.all {
      #expect(CommandTable.overview.contains(command.synopsis))
      #expect(TypedLine(command.example) != .message(command.example))
      #expect(command.example.hasPrefix(":" + command.name))
    }
  }

  @Test(arguments: [
    ("tmep", "temp"), ("hepl", "help"), ("promt", "prompt"), ("thread", "threads"),
    ("quti", "quit"), ("xyzzy", nil), ("z", nil),
  ])
  func suggests(typed: String, meant: String?) {
    #expect(closest(to: typed, among: CommandTable.all.map(\.name)) == meant)
  }

  @Test(arguments: [("", "", 0), ("a", "", 1), ("temp", "tmep", 1), ("kitten", "sitting", 3)])
  func countsSlips(first: String, second: String, slips: Int) {
    #expect(editDistance(first, second) == slips)
    #expect(editDistance(second, first) == slips)
  }
}

@Suite struct CommandTests {
  /// Each line with what it must print.
  @Test(arguments: [
    (":temp", "temp 0.70 (0…2)"), (":temp 0.9", "temp 0.70 → 0.90 (from the next token)"),
    (":t 0", "temp 0.70 → 0.00 (greedy: topp and seed are ignored; from the next token)"),
    (":temp 1.8", "temp 0.70 → 1.80 (expect nonsense this high; from the next token)"),
    (":topp 0.95", "topp 0.90 → 0.95 (from the next token)"),
    (":p 1", "topp 0.90 → 1.00 (off; from the next token)"),
    (":seed", "seed 7 (0…2⁶⁴−1 or random)"),
    (":seed 42", "seed 7 → 42 (generator started again)"),
    (":max 5", "max 12 → 5 (from the next reply)"),
    (":max 0", "max 12 → 0 (until the context ends)"),
    (":set max 5", "max 12 → 5 (from the next reply)"), (":set stats off", "stats on → off"),
    (":set tags allow", "tags refuse → allow"), (":stats off", "stats on → off"),
    (":stats", "no replies yet; the line after each reply is on"),
    (":threads 1", "threads 1 → 1 (\(Processors.available) processors; pool resized)"),
    (":set threads", "threads 1 (1…\(Engine.maximumThreads))"),
    (":clear", "nothing to clear"), (":branch", "no alternatives kept yet"),
    (":history", "no turns yet"), (":help keys", KeyTable.text),
    (":?", CommandTable.overview),
    (
      ":help :regen",
      ":regen [K]  another reply; K of them to choose from\nalso: :r\nexample: :regen 3"
    ),
    (
      ":tokens The end",
      "4 tokens, 7 bytes\n87 \"T\" · 371 \"he\" · 467 \" e\" · 348 \"nd\""
    ),
    (":set markdown off", "markdown on → off"),
    (":overflow", "overflow drop (drop the oldest turns, or stop, when the context is full)"),
    (":overflow stop", "overflow drop → stop (a message that does not fit is refused)"),
  ])
  func prints(line: String, expected: String) throws {
    let tiny = try TinyRepl()
    try tiny.type(line)
    #expect(tiny.output.notices == [expected])
    #expect(tiny.output.problems.isEmpty)
  }

  @Test(arguments: [
    (":tmep 1", ":tmep: no such command. Did you mean :temp? (type ::tmep to send it)"),
    (":xyzzy", ":xyzzy: no such command. Try :help. (type ::xyzzy to send it)"),
    (":byebye", ":byebye: no such command. Try :help. (type ::byebye to send it)"),
    (":temp hot", ":temp: must be 0…2, got \"hot\""),
    (":t 3", ":temp: must be 0…2, got \"3\""),
    (":topp 90", ":topp: must be in (0, 1], got \"90\" — did you mean 0.9?"),
    (":seed x", ":seed: must be 0…18446744073709551615 or \"random\", got \"x\""),
    (":max 513", ":max: must be 0…512 tokens, 0 for no limit, got \"513\""),
    (":threads 0", ":threads: must be 1…\(Engine.maximumThreads), +, - or auto, got \"0\""),
    (":threads 4096", ":threads: must be 1…\(Engine.maximumThreads), +, - or auto, got \"4096\""),
    (":threads all", ":threads: must be 1…\(Engine.maximumThreads), +, - or auto, got \"all\""),
    (":j -", ":threads: must be 1…\(Engine.maximumThreads), +, - or auto, got \"-\" at 1"),
    (":set tmep 1", ":set: no setting \"tmep\"; did you mean temp?"),
    (
      ":set foo",
      ":set: no setting \"foo\"; known: temp, topp, seed, max, overflow, stats, markdown, tags, threads"
    ),
    (":set temp hot", ":set: temp: must be 0…2, got \"hot\""),
    (":system @/nonexistent", ":system: /nonexistent: no such file"),
    (":system @/tmp", ":system: /tmp: is a folder; expected a text file"),
    (":prompt", ":prompt: expected a name; :prompts lists them"),
    (":prompt x", ":prompt: no prompt \"x\"; there are none in "),
    (":prompts all", ":prompts: takes no argument, got \"all\""),
    (":undo", ":undo: nothing to undo"),
    (":undo two", ":undo: expected a number of turns, got \"two\""),
    (":regen", ":regen: no reply to make again yet"),
    (":regen 3", ":regen: no reply to make again yet"),
    (":regen 0", ":regen: must be 1…9 replies, got \"0\""),
    (":edit", ":edit: no turns yet"), (":e 2", ":edit: no turns yet"),
    (":edit two", ":edit: expected the number of a turn, got \"two\""),
    (":edit!", ":edit!: no turns yet"), (":amend", ":amend: no turns yet"),
    (":continue", ":continue: no turns yet"),
    (":continue 3", ":continue: takes no argument, got \"3\""),
    (
      ":branch 1",
      ":branch: nothing is kept yet; :edit, :regen, :undo and :drop keep what they replace"
    ),
    (":branch x", ":branch: expected the number of an alternative, got \"x\""),
    (":drop", ":drop: expected a turn or a range like 2-3, got \"\""),
    (":drop 2-1", ":drop: expected a turn or a range like 2-3, got \"2-1\""),
    (":drop 1-", ":drop: expected a turn or a range like 2-3, got \"1-\""),
    (":drop 1", ":drop: no turns yet"), (":probs", ":probs: no turns yet"),
    (
      ":alt 1",
      ":alt: expected a token and an alternative, as in :alt 3 2, got \"1\""
    ),
    (":copy", ":copy: no turns yet"),
    (":overflow never", ":overflow: must be drop or stop, got \"never\""),
    (
      ":overflow shift",
      ":overflow: must be drop or stop (keys and values moved to other positions are not those of a fresh"
        + " chat; replies here are exact), got \"shift\""
    ),
    (":stats maybe", ":stats: must be on or off, got \"maybe\""),
    (":tokens", ":tokens: expected a text"), (":quit now", ":quit: takes no argument, got \"now\""),
    (":help tmep", ":help: no command \"tmep\"; did you mean temp?"),
  ])
  func refuses(line: String, problem: String) throws {
    let tiny = try TinyRepl()
    let before = tiny.chat.conversation.settings
    try tiny.type(line)
    #expect(tiny.output.entries == [.problem(problem)])
    #expect(tiny.chat.conversation.settings == before)
    #expect(tiny.chat.conversation.system == "Be brief.")
    #expect(tiny.chat.conversation.turns.isEmpty)
    #expect(tiny.chat.engine.threads == 1)

    let error = #expect(throws: ScriptError.self) {
      try tiny.repl.run(ScriptLines("\n\(line)\n", name: "s", cut: .script), mode: .script)
    }
    #expect(error?.description == "s:2: \(problem)")
    #expect(error?.kind == .usage)
  }

  @Test func settingsKeepConversationAndCache() throws {
    let tiny = try TinyRepl()
    try tiny.type("Hello")
    let held = tiny.chat.conversation.cache.tokens
    let turns = tiny.chat.conversation.turns
    try tiny.type(":temp 0.9", ":topp 0.5", ":threads 2", ":threads -", ":threads +")
    #expect(tiny.output.notices.count == 5)
    #expect(tiny.chat.engine.threads == 2)
    #expect(tiny.chat.conversation.cache.tokens == held)
    #expect(tiny.chat.conversation.turns == turns)
    try tiny.type("Go on")
    let last = try #require(tiny.repl.statistics.last)
    #expect(last.cached > 0)
    #expect(last.threads == 2)
  }

  @Test func threadsAreTriedWithoutTouchingTheConversation() throws {
    let tiny = try TinyRepl()
    try tiny.type("Hello")
    let held = tiny.chat.conversation.cache.tokens
    try tiny.type(":threads auto")
    let lines = try #require(tiny.output.notices.last).split(separator: "\n")
    #expect(lines.first == "threads  tok/s")
    #expect(lines.dropFirst().dropLast().count == Processors.available)
    #expect(lines.filter { $0.hasSuffix("←") }.count == 1)
    #expect(lines.last == "threads 1 → \(tiny.chat.engine.threads)")
    #expect(tiny.chat.conversation.cache.tokens == held)
    try tiny.type("Go on")
    #expect(try #require(tiny.repl.statistics.last).cached > 0)
  }

  @Test func settingsAreListed() throws {
    let tiny = try TinyRepl()
    try tiny.type(":temp 0.9", ":set")
    let table = try #require(tiny.output.notices.last)
    for name in Repl.settingNames { #expect(table.contains(name)) }
    #expect(table.contains("topp      0.90        0 < V ≤ 1  (default)"))
    #expect(table.contains("temp      0.90        0…2\n"))
  }

  @Test func systemPromptFromTextAndFile() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("me.txt", Array("You are a poet.\n\n".utf8))
    let tiny = try TinyRepl()
    let template = tiny.chat.conversation.template
    try tiny.type(":system", ":system @\(path)", ":system -", ":system \"\"", ":system Short.")
    func length(_ text: String?) -> Int { template.systemLength(text) }
    func tail(_ text: String?) -> String {
      "\(length(text)) tokens must be re-read, at your next message"
    }
    #expect(
      tiny.output.notices == [
        "system: \"Be brief.\" (\(length("Be brief.")) tokens)",
        "system: \"You are a poet.\" (\(length("You are a poet.")) tokens); \(tail("You are a poet."))",
        "system: none; the model's own default is used (\(length(nil)) tokens); \(tail(nil))",
        "system: \"\" (\(length("")) tokens); \(tail(""))",
        "system: \"Short.\" (\(length("Short.")) tokens); \(tail("Short."))",
      ])
    #expect(tiny.chat.conversation.system == "Short.")
    try tiny.type(":system " + String(repeating: "x", count: 300))
    #expect(tiny.output.problems.count == 1)
    #expect(tiny.chat.conversation.system == "Short.")
  }

  @Test func promptSetsSystemAndSettings() throws {
    let directory = try TemporaryDirectory()
    let good = "---\ntitle: Poet\ntemp: 0.5\nmax: 12\nsystem: You are a poet.\n---\n"
    let greedy = "---\ntitle: Too long for here\nmax: 9999\nsystem: You are long.\n---\n"
    try directory.write("poet.md", Array(good.utf8))
    try directory.write("long.md", Array(greedy.utf8))
    try directory.write("bad.md", Array("none".utf8))
    let tiny = TinyRepl(try TinyChat(), prompts: [directory.path])
    try tiny.type(":prompts", ":prompt poet", ":prompts")
    let tokens = tiny.chat.conversation.template.systemLength("You are a poet.")
    let encode = tiny.chat.conversation.template.tokenizer.encode
    let (poetText, longText) = (encode("You are a poet.").count, encode("You are long.").count)
    #expect(
      tiny.output.notices == [
        "  long  Too long for here (\(longText) tokens)\n  poet  Poet (\(poetText) tokens)",
        "system: poet (\(tokens) tokens); temp 0.70 → 0.50; \(tokens) tokens must be re-read, "
          + "at your next message",
        "  long  Too long for here (\(longText) tokens)\n* poet  Poet (\(poetText) tokens)",
      ])
    #expect(tiny.output.problems.count == 2)
    #expect(tiny.chat.conversation.system == "You are a poet.")

    try tiny.type(":prompt bad", ":prompt poe")
    #expect(
      tiny.output.problems == [
        ":prompt: \(directory.path)/bad.md:1: expected \"---\" and front matter",
        ":prompt: no prompt \"poe\"; did you mean poet?",
      ])
    #expect(tiny.chat.conversation.system == "You are a poet.")
    #expect(tiny.repl.promptName == "poet")
    // A persona's settings hold as long as its system prompt does; more than fits is no limit.
    #expect(tiny.chat.conversation.settings.temperature == 0.5)
    try tiny.type(":prompt long")
    #expect(tiny.chat.conversation.settings.temperature == 0.7)
    #expect(tiny.chat.conversation.settings.maxTokens == 0)
    try tiny.type(":system Other.")
    #expect(tiny.repl.promptName == nil)
    #expect(tiny.chat.conversation.settings.maxTokens == 12)
    try tiny.type(":prompt poet", ":temp 0.9", ":system Other.")
    #expect(tiny.chat.conversation.settings.temperature == 0.9)
  }

  @Test func undoGivesTheQuestionBack() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", "Three")
    let used = tiny.chat.conversation.used
    let lines = try tiny.type(":undo 2", ":undo 2")
    let now = tiny.chat.conversation.used
    #expect(
      tiny.output.notices == ["undid turns 2–3 (−\(used - now) tokens, ctx \(now)/512)"])
    #expect(tiny.output.problems == [":undo: must be 1…1 turns, got 2"])
    #expect(lines.prefills == [nil, "Two", nil])
    try tiny.type(":clear", ":undo", ":undo")
    #expect(tiny.output.notices.count == 3)
    #expect(tiny.output.notices[0].hasPrefix("cleared 1 turn ("))
    #expect(tiny.output.notices[0].hasSuffix("), system prompt kept — :undo restores"))
    #expect(tiny.output.notices[1] == "restored 1 turn (ctx \(now)/512)")
    #expect(tiny.output.notices[2].hasPrefix("undid turn 1 (−"))
  }

  @Test func regenerationSaysItsSeed() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", ":regen", ":temp 0", ":r")
    #expect(tiny.output.notices.contains("seed 7 → 8"))
    #expect(tiny.output.notices.contains("seed 8 → 9 (temp is 0: the same reply again)"))
    #expect(tiny.chat.conversation.turns.count == 1)
    #expect(tiny.repl.statistics.count == 3)
  }

  @Test func contextIsShown() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", ":ctx")
    let usage = tiny.chat.conversation.usage
    let lines = try #require(tiny.output.notices.last).split(separator: "\n").map(String.init)
    #expect(lines.count == 2)
    #expect(lines[0].hasSuffix("% · \(usage.used) of 512 tokens · \(512 - usage.used) free"))
    let turns = usage.turns.map { "\($0.number): \($0.question)+\($0.answer)" }
    #expect(
      lines[1]
        == "system \(usage.system) · \(turns.joined(separator: " · ")) (question+reply)")
  }

  @Test func modelIsShown() throws {
    let tiny = try TinyRepl()
    try tiny.type(":model")
    let text = try #require(tiny.output.notices.first)
    for part in [
      "v1, fp32 · header with extension", "dim 64", " weights · ", "hidden 192", "2 layers",
      "4 heads of 16, 2 key/value", "theta 10000",
      "byte-level BPE · 512 pieces of 512 rows", "template    chatml · a reply ends at 0, 2",
      "context     512 tokens", "keys and values f32: 0 bytes, up to ",
      tiny.chat.engine.instructionSet,
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func statisticsAreSummedUp() throws {
    let tiny = try TinyRepl()
    try tiny.type("One", "Two", ":stats")
    let text = try #require(tiny.output.notices.last)
    #expect(text.hasPrefix("2 replies · "))
    for row in ["decode", "bandwidth", "prefill", "first token", "prompts", "memory", "the line"] {
      #expect(text.contains("\n" + row))
    }
  }
}
