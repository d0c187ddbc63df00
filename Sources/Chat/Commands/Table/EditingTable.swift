extension CommandTable {
  /// The commands that change what was said.
  static let editing: [Command] = [
    Command(
      "undo", ["u"], usage: "[N]", summary: "take turns back; the question returns to the line",
      example: ":undo 2", group: .editing, argument: .text, run: { try $0.undo($1) }),
    Command(
      "clear", ["new"], summary: "forget all turns; :undo restores", example: ":clear",
      group: .editing, run: { repl, _ in repl.clear() }),
    Command(
      "edit", ["e"], usage: "[N]", summary: "ask turn N anew; Enter replaces it and what follows",
      example: ":edit 2", group: .editing, argument: .text, run: { try $0.edit($1) }),
    Command(
      "edit!", usage: "[N]", summary: "same in $EDITOR; saving asks, an empty text does not",
      example: ":edit! 2", group: .editing, argument: .text, run: { try $0.editExternally($1) }),
    Command(
      "regen", ["r"], usage: "[K]", summary: "another reply; K of them to choose from",
      example: ":regen 3", group: .editing, argument: .text, run: { try $0.regenerate($1) }),
    Command(
      "continue", ["c"], summary: "go on with a cut reply; with the same tokens and cache",
      example: ":continue", group: .editing, run: { repl, _ in try repl.goOn() }),
    Command(
      "amend", summary: "reply in $EDITOR; :continue then goes on from it", example: ":amend",
      group: .editing, run: { repl, _ in try repl.amend() }),
    Command(
      "branch", usage: "[N]", summary: "what was replaced; list it, or go back to it",
      example: ":branch 1", group: .editing, argument: .text, run: { try $0.branch($1) }),
    Command(
      "drop", usage: "N[-M]", summary: "leave turns out; later ones move up",
      example: ":drop 2-3", group: .editing, argument: .text, run: { try $0.drop($1) }),
    Command(
      "history", usage: "[N]", summary: "the turns so far; or one of them",
      example: ":history 2", group: .editing, argument: .text, run: { try $0.history($1) }),
  ]
}
