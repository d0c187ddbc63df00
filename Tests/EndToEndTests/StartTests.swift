import Foundation
import TestSupport
import Testing

/// How the program finds its model, its configuration and its prompts.
@Suite(.serialized) struct StartTests {
  /// A home with copies of the quick model under some names in `./models`.
  private func program(models: [String], _ environment: [String: String] = [:]) throws -> Program {
    let program = try Program(environment)
    let folder = program.folder.file("models")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in models {
      try FileManager.default.copyItem(atPath: Models.path(.quick), toPath: folder + "/" + name)
    }
    return program
  }

  private func configure(_ program: Program, _ text: String) throws {
    let folder = program.folder.file(".config/llama-chat")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/config.yaml"))
  }

  /// The program on a terminal of its own, in its home.
  private func terminal(_ program: Program, _ arguments: [String] = []) throws -> PseudoTerminal {
    let command = "cd \"$1\" && shift && exec \"$@\""
    let terminal = try PseudoTerminal(
      "/bin/bash", ["-c", command, "bash", program.folder.path, Program.path] + arguments,
      environment: program.environment)
    terminal.home = program.folder
    return terminal
  }

  // MARK: - The model

  @Test func theOnlyModelNeedsNoName() throws {
    let program = try program(models: ["tiny.bin"])
    try FileManager.default.copyItem(
      atPath: program.folder.file("models/tiny.bin"),
      toPath: program.folder.file("models/tiny.gguf"))
    try program.folder.write("models/tokenizer.bin", [1, 2, 3, 4])
    let named = try program.run(["models/tiny.bin", "-t", "0", "-n", "3", "--prompt", "Hello"])
    let outcome = try program.run(["-t", "0", "-n", "3", "--prompt", "Hello"])
    #expect(outcome.code == 0 && outcome.output.count > 1 && outcome.errors.isEmpty, "\(outcome)")
    #expect(outcome.output == named.output)
  }

  @Test func aNameIsFoundInTheFolders() throws {
    let program = try program(models: ["alpha-7b.bin", "beta.bin", "alpha-13b.bin"])
    let cases: [(arguments: [String], code: Int32, error: String)] = [
      (["beta"], 0, ""), (["beta.bin"], 0, ""), (["BETA"], 0, ""), (["alpha-7"], 0, ""),
      (["generate", "beta", "-n", "9"], 0, ""),
      (["alpha"], 2, "error: alpha: may be one of models/alpha-13b.bin, models/alpha-7b.bin; say"),
      (["gamma"], 3, "error: gamma: is no file, and no model in models, "),
      (["models/bet"], 3, "error: models/bet: "),
      ([], 2, "error: no model is named; there are models/alpha-13b.bin, models/alpha-7b.bin, "),
    ]
    for (arguments, code, error) in cases {
      let isChat = arguments.first != "generate"
      let outcome = try program.run(
        arguments + (isChat ? ["-n", "2", "--prompt", "Hello"] : []))
      #expect(outcome.code == code, "\(arguments): \(outcome)")
      #expect(error.isEmpty || outcome.errors.contains(error), "\(arguments): \(outcome)")
    }
    // What has the name and is no model says why.
    let damaged = try program.folder.write("models/delta.bin", Array("ak42".utf8))
    let found = try program.run(["delta", "--prompt", "Hello"])
    #expect(found.code == 3 && found.errors.contains("models/delta.bin: "), "\(found)")
    try FileManager.default.removeItem(atPath: damaged)
    // Other commands take the same names.
    let tools: [(arguments: [String], text: String)] = [
      (["inspect", "alpha-7"], "models/alpha-7b.bin"),
      (["inspect", "beta", "--against", "alpha-13b"], "all values are equal"),
      (["tokenize", "beta"], ""),
      (["bench", "BETA", "--prompt", "4", "--generate", "2", "--threads", "1"], "decode 2"),
    ]
    for (arguments, text) in tools {
      let outcome = try program.run(arguments)
      #expect(outcome.code == 0 && (text.isEmpty || outcome.output.contains(text)), "\(outcome)")
      let unknown = try program.run([arguments[0], "gamma"])
      #expect(unknown.code == 3 && unknown.errors.contains("gamma: is no file, and no model in"))
    }
    let elsewhere = try Program([
      "LLAMA_CHAT_MODELS": "/nonexistent:" + program.folder.file("models")
    ])
    #expect(try elsewhere.run(["beta", "-n", "2", "--prompt", "Hello"]).code == 0)
    let none = try elsewhere.run(["--prompt", "x"])
    #expect(none.code == 2 && none.errors.contains("no model is named; there are "))
  }

  @Test func withoutModelsItSaysHowToGetOne() throws {
    let outcome = try Program().run(["--prompt", "Hello"])
    #expect(outcome.code == 2 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: no model is named, and none is in models, "))
    #expect(
      outcome.errors.contains("llama-chat convert SOURCE") && outcome.errors.contains("make chat"))
  }

  @Test func aTerminalIsAskedOnceAndThenTheLastOneStarts() throws {
    let program = try program(models: ["alpha.bin", "beta.bin"])
    let first = try terminal(program)
    try first.expect("2  models/beta.bin ")
    try first.expect("Which model? [1-2] ")
    try first.type("9\n")
    try first.expect("Which model? [1-2] ")
    try first.type("2\n")
    try first.expect("beta.bin (")
    try first.expectPrompt()
    try first.type(":quit\r")
    #expect(try first.ending() == .exit(0))

    let second = try terminal(program)
    try second.expect("model: models/beta.bin, the last one used")
    try second.expectPrompt()
    try second.type(":quit\r")
    #expect(try second.ending() == .exit(0))
    #expect(try program.run(["-n", "2", "--prompt", "Hello"]).code == 0)
  }

  // MARK: - The configuration

  @Test func laterWordsHold() throws {
    let program = try program(models: ["tiny.bin"])
    try configure(
      program,
      """
      temp: 0.6
      topp: 0.5
      tmep: 1
      ctx: 100
      system: Be kind.
      models:
        "TINY*":
          topp: 0.4
          max: 4
      """)
    let script = Array(":seed 5\n:config\n".utf8)
    let arguments = ["tiny", "-t", "0", "--stdin", "script"]
    let outcome = try program.run(arguments, input: script)
    let rows = outcome.errors.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(outcome.code == 0)
    #expect(rows.contains("warning: config.yaml:3: unknown key \"tmep\"; did you mean \"temp\"?"))
    for row in [
      "temp 0.00 command line", "topp 0.40 config.yaml:8 [TINY*]", "seed 5 typed",
      "max 4 config.yaml:9 [TINY*]", "ctx 100 config.yaml:4", "system Be kind. config.yaml:5",
      "config " + program.folder.file(".config/llama-chat/config.yaml"),
    ] {
      #expect(rows.contains(row), "\(row): \(outcome.errors)")
    }
    let without = try program.run(arguments + ["--no-config"], input: script)
    #expect(without.errors.contains("config     not read") && !without.errors.contains("tmep"))
    #expect(without.errors.contains("topp       0.90"))
  }

  @Test func aBrokenConfigurationKeepsNothingFromStarting() throws {
    let program = try program(models: ["tiny.bin"], ["XDG_CONFIG_HOME": "relative"])
    for (text, warning) in [
      ("temp: [", "config.yaml:"), ("max: 5000", "config.yaml:1: max: must be 0…512 tokens"),
      ("prompt: nobody", "config.yaml:1: prompt: no prompt \"nobody\""),
      ("ctx: 600", "config.yaml:1: ctx 600 is above the 512 tokens"),
      ("ctx: 1000000000000", "config.yaml:1: ctx: "),
      ("template: chatml", "config.yaml:1: template: "),
    ] {
      try configure(program, text)
      let outcome = try program.run(["tiny", "-n", "2", "--prompt", "Hello"])
      #expect(outcome.code == 0 && outcome.output.count > 1, "\(text): \(outcome)")
      #expect(outcome.errors.contains("warning: " + warning), "\(text): \(outcome)")
    }
  }

  /// In a pipe the model is told and answers the same as at a terminal; what concerns the screen has no place there.
  @Test func aPipeIsConfiguredToo() throws {
    let program = try program(models: ["tiny.bin"])
    let options = ["tiny", "--prompt", "Hello"]
    let told = try program.run(options + ["-t", "1", "-s", "5", "-n", "9", "--system", "Be kind."])
    try configure(
      program,
      """
      temp: 1
      seed: 5
      max: 9
      system: Be kind.
      color: always
      stats: on
      autosave: true
      history: true
      """)
    let configured = try program.run(options)
    #expect(configured.code == 0 && configured.errors.isEmpty && configured.output == told.output)
    let notes = try program.run(
      ["tiny", "--stdin", "script"], input: Array(":temp\n:temp x\n".utf8))
    #expect(notes.errors.contains("temp 1.00") && !notes.errors.contains("\u{1B}"))
    let state = program.folder.file(".local/state/llama-chat")
    #expect(!FileManager.default.fileExists(atPath: state))
    let without = try program.run(options + ["--no-config", "-t", "0", "-n", "20"])
    #expect(without.code == 0 && without.output != told.output)
  }

  /// A pipe may be given on the command line, as by a shell's `<(…)`; one that nobody writes to is left by Ctrl-C.
  @Test(arguments: [["--system", "@fifo"], ["--script", "fifo"]])
  func anEmptyPipeIsLeft(options: [String]) throws {
    let program = try program(models: ["tiny.bin"])
    let fifo = program.folder.file("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    let waiting = try terminal(program, ["tiny"] + options)
    let original = try waiting.originalModes()
    if options[0] == "--system" { try waiting.expect("model: models/tiny.bin") }
    try waiting.type("\u{03}")
    #expect(try waiting.ending() == .signal(SIGINT))
    #expect(waiting.modes == original)
    let shell = try program.shell(
      "\"$0\" tiny -t 0 -n 2 --system @<(echo Be kind.) --script <(echo Hello)")
    #expect(shell.code == 0 && shell.output.count > 1, "\(shell)")
  }

  // MARK: - Prompts

  @Test func aPromptTakesStandardInput() throws {
    let program = try program(models: ["tiny.bin"])
    let folder = program.folder.file("prompts")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let text =
      "---\nsystem: Be kind.\ntemp: 2\nargs: level=child, input\n---\nTell a {{level}}: {{input}}"
    try program.folder.write("prompts/tell.md", Array(text.utf8))
    let model = ["tiny", "-t", "0", "-n", "3"]
    let plain = try program.run(
      model + ["--system", "Be kind.", "--prompt", "Tell a cat: why"])
    let piped = try program.run(
      model + ["--prompt-name", "tell", "--prompt-arg", "level=cat"], input: Array("why\n".utf8))
    #expect(piped.code == 0 && piped.output == plain.output && piped.errors.isEmpty, "\(piped)")
    let missing = try program.run(model + ["--prompt-name", "tell"], input: [])
    #expect(missing.code == 2 && missing.errors.contains("error: tell needs a text"), "\(missing)")
    let unknown = try program.run(
      model + ["--prompt-name", "tell", "--prompt-arg", "levle=x", "--prompt", "y"])
    #expect(unknown.code == 2 && unknown.errors.contains("did you mean level?"), "\(unknown)")
  }

  @Test func promptsAreChecked() throws {
    let program = try Program()
    let folder = program.folder.path
    try program.folder.write("good.md", Array("---\nsystem: You.\n---\n".utf8))
    let good = try program.run(["--check-prompts", folder])
    #expect(good.code == 0 && good.output == "\(folder): 1 prompt file, all good\n")
    try program.folder.write("bad.md", Array("---\ntemp: 9\n---\nB".utf8))
    try program.folder.write("odd.md", Array("---\ntmep: 9\n---\nB".utf8))
    let bad = try program.run(["--check-prompts", folder])
    #expect(bad.code == 2 && bad.output.isEmpty)
    #expect(
      bad.errors == """
        error: \(folder)/bad.md:2: temp: must be 0…2, got "9"
        error: \(folder)/odd.md:2: unknown key "tmep"; did you mean "temp"?

        """)
    #expect(try program.run(["--check-prompts", "/nonexistent"]).code == 3)
    #expect(try program.run(["x.bin", "--check-prompts", folder]).code == 2)
  }

  /// On a terminal a prompt may ask first; files that were not sent hold Ctrl-D back once.
  @Test func promptsAndFilesAtATerminal() throws {
    let program = try program(models: ["tiny.bin"])
    let folder = program.folder.file("prompts")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try program.folder.write("prompts/kind.md", Array("---\nsystem: Be kind.\n---\n".utf8))
    try program.folder.write("prompts/ask.txt", Array("What is {{input}}?".utf8))
    try program.folder.write("note.txt", Array("Rain\n".utf8))
    try configure(program, "prompt: kind\ntemp: 0\nmax: 3\n")
    let arguments = ["--prompt-name", "ask"]
    let terminal = try terminal(program, arguments)
    try terminal.expect("system: \"Be kind.\"")
    try terminal.expect("> What is ?")
    try terminal.expect("tok/s")
    try terminal.expectPrompt()
    let modes = terminal.modes
    try terminal.type(":file no\t\r")
    try terminal.expect("attached note.txt: 5 bytes, ")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    try terminal.expect("note.txt not sent yet; Ctrl-D once more leaves")
    try terminal.expectPrompt()
    #expect(terminal.modes == modes)
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
  }

  // MARK: - The shell

  @Test(arguments: ["bash", "zsh", "fish"])
  func shellsCompleteModelsAndPrompts(shell: String) throws {
    let outcome = try Program().run(["--generate-completion-script", shell])
    #expect(outcome.code == 0 && outcome.output.contains("gguf"))
    #expect(outcome.output.contains("prompt-name") && outcome.output.contains("check-prompts"))
  }
}
