import Foundation
import TestSupport
import Testing

@testable import Chat

@Suite struct ConfigFileTests {
  @Test func aSectionHoldsForItsModels() {
    let file = ConfigFile(
      text: """
        temp: 0.6
        threads: auto
        system: |
          You are kind.
          Always.
        plain: Yes
        models:
          "llama2*":
            temp: 0.5
            ctx: 4096
          "*q80.bin":
            temp: 0.4
        """)
    #expect(file.warnings == [])
    let all = file.values(forModels: ["stories.bin"])
    #expect(all[.setting(.temp)]?.text == "0.6" && all[.setting(.temp)]?.place == "config.yaml:1")
    #expect(all[.system]?.text == "You are kind.\nAlways.\n" && all[.ctx] == nil)
    let llama = file.values(forModels: ["x.gguf", "Llama2_7b_q80.bin"])
    #expect(llama[.ctx]?.place == "config.yaml:10 [llama2*]")
    #expect(llama[.setting(.temp)]?.place == "config.yaml:12 [*q80.bin]")
    #expect(llama[.threads]?.text == "auto")
  }

  @Test(arguments: [
    ("temp: 1\n\ntmep: 1", "config.yaml:3: unknown key \"tmep\"; did you mean \"temp\"?"),
    ("zzzzzz: 1", "config.yaml:1: unknown key \"zzzzzz\"; known: temp, topp, "),
    (
      "topp: 90", "config.yaml:1: topp: must be in (0, 1], got \"90\" — did you mean 0.9?; left out"
    ),
    ("temp:", "config.yaml:1: temp: must be 0…2, got \"\"; left out"),
    ("temp: [1]", "config.yaml:1: temp: expected a value, got a list"),
    ("temp:\n  a: 1", "config.yaml:1: temp: expected a value, got keys"),
    ("threads: 0", "config.yaml:1: threads: must be 1…"), ("ctx: 3", "config.yaml:1: ctx: must be"),
    ("kv: f64", "config.yaml:1: kv: must be f32, f16, q8, got \"f64\"; left out"),
    ("template: vicuna", "config.yaml:1: template: must be none, llama2, chatml, got"),
    ("color: red", "config.yaml:1: color: must be auto, always, never, got \"red\"; left out"),
    ("plain: maybe", "config.yaml:1: plain: must be true, false, got \"maybe\"; left out"),
    ("system:", "config.yaml:1: system: expected a text; left out"),
    ("models: x", "config.yaml:1: models: expected names of models, each with its settings"),
    ("models:\n  a: 1", "config.yaml:2: a: expected settings of \"a\" below it"),
    ("models:\n  a:\n    tmep: 1", "config.yaml:3: unknown key \"tmep\"; did you mean"),
    ("models:\n  a:\n    temp: hot", "config.yaml:3: temp: must be 0…2, got \"hot\"; left out"),
    ("a: b: c", "config.yaml:1: not valid YAML: mapping values are not allowed"),
    ("- a", "config.yaml:1: expected \"key: value\" lines; the file is not used"),
    ("temp: 1\ntemp: 2", "config.yaml:1: gives \"temp\" twice; the file is not used"),
    ("a: &a [1]\nb: *a", "config.yaml:2: anchors and aliases (&name, *name) are not taken"),
    ("a: &a [1]\r\nb: *a\r\n", "config.yaml:2: anchors and aliases (&name, *name) are not taken"),
    ("a: &a [1]\u{2028}b: *a", "config.yaml:2: anchors and aliases (&name, *name) are not taken"),
    ("a:\n- &a [1]\n- *a\u{85}", "config.yaml:3: anchors and aliases (&name, *name) are not taken"),
  ])
  func whatIsWrongIsNamedAndLeftOut(text: String, warning: String) {
    let file = ConfigFile(text: text)
    #expect(file.warnings.count == 1)
    #expect(file.warnings.first?.hasPrefix(warning) == true, "\(file.warnings)")
    #expect(file.entries.allSatisfy { $0.text == "1" })
  }

  @Test func theRestIsUsed() {
    let file = ConfigFile(text: "tmep: 1\ntemp: 0.2\ntopp: 7\nmax: 5\nmodels:\n")
    #expect(file.warnings.count == 2)
    #expect(file.entries.map(\.text) == ["0.2", "5"])
    #expect(ConfigFile(text: "").warnings == [] && ConfigFile(text: "# nothing\n").warnings == [])
  }

  @Test func aFileThatCannotBeReadIsAWarning() throws {
    let directory = try TemporaryDirectory()
    #expect(ConfigFile(path: directory.file("gone.yaml")).warnings == [])
    let wrong: [(name: String, bytes: [UInt8], warning: String)] = [
      ("latin.yaml", [0x61, 0xE9], "latin.yaml:1: byte 1 (0xe9) is not UTF-8; it is not used"),
      ("huge.yaml", Array(repeating: 0x23, count: 100_000), "huge.yaml: is larger than 66 kB"),
    ]
    for (name, bytes, warning) in wrong {
      let file = ConfigFile(path: try directory.write(name, bytes))
      #expect(file.entries.isEmpty && file.warnings.count == 1)
      #expect(file.warnings.first?.contains(warning) == true, "\(file.warnings)")
    }
    #expect(ConfigFile(path: directory.path).warnings.first?.contains("is a folder") == true)
    #expect(mkfifo(directory.file("pipe"), 0o600) == 0)
    #expect(ConfigFile(path: directory.file("pipe")).warnings.first?.contains("a pipe") == true)
    let inFile = ConfigFile(path: directory.file("latin.yaml") + "/config.yaml")
    #expect(inFile.warnings.first?.contains("cannot be opened: Not a directory") == true)
  }

  @Test(arguments: [
    ("llama2*", "llama2.bin", true), ("LLAMA2*", "llama2.bin", true),
    ("llama2", "llama2.bin", false),
    ("*", "", true), ("?", "", false), ("a?c", "abc", true), ("*a*b", "xaybzb", true),
    ("*a*b", "xaybz", false), ("", "", true), ("", "a", false), ("a**", "a", true),
  ])
  func matchesNames(pattern: String, name: String, matches: Bool) {
    #expect(Glob.matches(name, pattern) == matches)
  }

  @Test func aPatternOfStarsIsQuick() {
    let name = String(repeating: "a", count: 2000)
    #expect(!Glob.matches(name, String(repeating: "a*", count: 500) + "b"))
  }

  @Test func foldersFollowTheEnvironment() {
    let home = UserFolders(environment: ["HOME": "/h", "XDG_CONFIG_HOME": "relative"])
    #expect(home.configuration == "/h/.config/llama-chat" && home.cache == "/h/.cache/llama-chat")
    let set = UserFolders(environment: ["XDG_STATE_HOME": "/s", "XDG_DATA_HOME": ""])
    #expect(set.state == "/s/llama-chat" && set.data == nil && set.configuration == nil)
  }
}

@Suite struct ConfigCommandTests {
  private func origin(of name: String, in tiny: TinyRepl) throws -> String? {
    try tiny.type(":config")
    let row = tiny.output.notices.last?.split(separator: "\n").last { $0.hasPrefix(name + " ") }
    return row?.components(separatedBy: "  ").last?.trimmingCharacters(in: .whitespaces)
  }

  @Test func saysWhereEachValueIsFrom() throws {
    let directory = try TemporaryDirectory()
    try directory.write("poet.md", Array("---\nsystem: Be a poet.\ntopp: 0.5\n---\n".utf8))
    let tiny = TinyRepl(try TinyChat(), prompts: [directory.path])
    tiny.repl.programFiles = [NamedText("config", "/c/config.yaml")]
    #expect(try origin(of: "temp", in: tiny) == "default")
    tiny.repl.noteOrigins(of: [.temp], .config("config.yaml:3 [llama2*]"))
    #expect(try origin(of: "temp", in: tiny) == "config.yaml:3 [llama2*]")
    #expect(
      tiny.output.notices.last?.hasPrefix("config     /c/config.yaml\ntemp       0.70") == true)
    try tiny.type(":temp 0.9", ":threads +", ":prompt poet")
    #expect(try origin(of: "temp", in: tiny) == "typed")
    #expect(try origin(of: "threads", in: tiny) == "typed")
    #expect(try origin(of: "topp", in: tiny) == "prompt poet")
    #expect(try origin(of: "system", in: tiny) == "prompt poet")
    try tiny.type(":system Other.")
    #expect(try origin(of: "system", in: tiny) == "typed")
    #expect(try origin(of: "topp", in: tiny) == "default")
  }
}
