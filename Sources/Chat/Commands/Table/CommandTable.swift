/// Every command there is: parsing, help, completion and action come from this one table.
public enum CommandTable {
  /// The commands, in the order help lists them.
  public static let all: [Command] = [
    sampling, conversation, texts, editing, sessions, looking, alternatives, configuration, copying,
    general,
  ].flatMap(\.self)

  /// The command of that exact name or alias.
  public static func command(named name: String) -> Command? {
    all.first { $0.name == name || $0.aliases.contains(name) }
  }

  private static let sampling: [Command] = [
    Command(
      "temp", ["t"], usage: "[V]", summary: "temperature, 0…2; 0 is greedy", example: ":temp 0.9",
      group: .sampling, argument: .text, run: { try $0.setting(.temp, $1) }),
    Command(
      "topp", ["p"], usage: "[V]", summary: "nucleus mass, 0 < V ≤ 1; 1 is off",
      example: ":topp 0.95", group: .sampling, argument: .text, run: { try $0.setting(.topp, $1) }),
    Command(
      "seed", usage: "[N|random]", summary: "random generator; the same seed, the same reply",
      example: ":seed 42", group: .sampling, argument: .words(Settings.words(of: .seed)),
      run: { try $0.setting(.seed, $1) }),
    Command(
      "max", usage: "[N]", summary: "most tokens of a reply; 0 is no limit", example: ":max 200",
      group: .sampling, argument: .text, run: { try $0.setting(.max, $1) }),
    Command(
      "threads", ["j"], usage: "[N|+|-|auto]",
      summary: "CPU threads; auto tries which number is fastest", example: ":threads 4",
      group: .sampling, argument: .words(Repl.threadsWords), run: { try $0.threads($1) }),
    Command(
      "device", usage: "[cpu|gpu]", summary: "where it computes; the chat stays and is read again",
      example: ":device gpu:1", group: .sampling, argument: .words(Repl.deviceWords),
      run: { try $0.device($1) }),
    Command(
      "set", usage: "[NAME [V]]", summary: "all settings, or one", example: ":set tags allow",
      group: .sampling, argument: .setting, run: { try $0.set($1) }),
  ]

  private static let conversation: [Command] = [
    Command(
      "system", usage: "[TEXT|@FILE|-]", summary: "system prompt; - takes it away",
      example: ":system You answer in one sentence.", group: .conversation, argument: .textOrFile,
      run: { try $0.system($1) }),
    Command(
      "overflow", usage: "[drop|stop]",
      summary: "when the context is full; leave out the oldest turns, or refuse the message",
      example: ":overflow stop", group: .conversation,
      argument: .words(Settings.words(of: .overflow)), run: { try $0.setting(.overflow, $1) }),
  ]

  private static let general: [Command] = [
    Command(
      "run", usage: "FILE", summary: "a script, as if typed; its first failure ends it",
      example: ":run demo.txt", group: .general, argument: .file, run: { try $0.runScript($1) }),
    Command(
      "help", ["h", "?"], usage: "[CMD|keys]", summary: "this list; or one command",
      example: ":help temp", group: .general, argument: .command, run: { try $0.help($1) }),
    Command(
      "quit", ["q", "exit", "bye"], summary: "leave (or Ctrl-D)", example: ":quit",
      group: .general, run: { repl, _ in repl.isFinished = true }),
  ]
}

extension Repl {
  /// Runs a command; an error leaves everything as it was.
  func run(_ name: String, _ argument: String) throws {
    guard let command = CommandTable.command(named: name) else {
      let known = CommandTable.all.flatMap { [$0.name] + $0.aliases }
      let hint = closest(to: name, among: known).map { " Did you mean :\($0)?" } ?? " Try :help."
      throw CommandError(name, "no such command.\(hint) (type ::\(name) to send it)")
    }
    if command.argument == .none, !argument.isEmpty {
      throw CommandError(command.name, "takes no argument, got \"\(argument)\"")
    }
    try command.run(self, argument)
  }
}
