import ModelFile

extension Repl {
  /// `:system`: shows, changes or takes away the system prompt.
  func system(_ text: String) throws {
    switch text {
    case "":
      output.notice(systemDescription)
      return
    case "-":
      try conversation.setSystem(nil)
    case "\"\"":
      try conversation.setSystem("")
    default:
      let isFile = text.hasPrefix("@")
      let content = isFile ? try TextInput.read(path: String(text.dropFirst())) : text
      try conversation.setSystem(isFile ? content.strippedAsInPython : content)
    }
    promptName = nil
    output.notice("\(systemDescription); \(rereading)")
  }

  /// What the model was told: `system: "You are a patient…" (38 tokens)`.
  public var systemDescription: String {
    let tokens = counted(conversation.template.systemLength(conversation.system), "token")
    switch conversation.system {
    case nil where conversation.template.kind == .chatML:
      return "system: none; the model's own default is used (\(tokens))"
    case nil: return "system: none"
    case let text?:
      let line = text.split(separator: "\n").joined(separator: " ")
      let shown = line.count <= 60 ? line : line.prefix(59) + "…"
      return "system: \"\(shown)\" (\(tokens))"
    }
  }

  /// `412 tokens must be re-read (~18 s), at your next message`.
  var rereading: String {
    let tokens = conversation.pendingTokens
    let time = estimate(reading: tokens, atSpeed: conversation.readingSpeed)
    return "\(counted(tokens, "token")) must be re-read\(time), at your next message"
  }

  /// `:prompt NAME`: the library's system prompt and the settings that suit it.
  func prompt(_ name: String) throws {
    guard !name.isEmpty else {
      let current = promptName.map { "in use: \($0); " } ?? ""
      throw CommandError("prompt", "\(current)expected a name; :prompts lists them")
    }
    let prompt = try prompts.prompt(named: name)
    var settings = conversation.settings
    for (key, value) in prompt.settings { try settings.set(key, to: value) }
    try conversation.setSystem(prompt.system)

    let old = conversation.settings
    conversation.settings = settings
    promptName = name
    let changes = PromptFile.settingKeys.filter { settings.text(of: $0) != old.text(of: $0) }
      .map { "\($0.rawValue) \(old.text(of: $0)) → \(settings.text(of: $0))" }
    let tokens = counted(conversation.template.systemLength(prompt.system), "token")
    let parts = ["system: \(name) (\(tokens))"] + changes + [rereading]
    output.notice(parts.joined(separator: "; "))
  }

  /// `:prompts`.
  func listPrompts() {
    let (found, problems) = prompts.contents()
    if found.isEmpty, problems.isEmpty {
      output.notice("no prompts in \(prompts.folders.joined(separator: ", "))")
      return
    }
    let width = found.map(\.name.count).max() ?? 0
    let rows = found.map { prompt in
      let mark = prompt.name == promptName ? "*" : " "
      let tokens = conversation.template.systemLength(prompt.system)
      return "\(mark) \(padded(prompt.name, to: width))  \(prompt.description) (\(tokens) tokens)"
    }
    if !rows.isEmpty { output.notice(rows.joined(separator: "\n")) }
    for problem in problems { output.problem(problem.description) }
  }

  /// `:clear`.
  func clear() {
    let (turns, tokens) = conversation.clear()
    guard turns > 0 else {
      output.notice("nothing to clear")
      return
    }
    sessions?.startNew()
    let kept = conversation.system == nil ? "" : ", system prompt kept"
    let forgotten = "\(counted(turns, "turn")) (\(counted(tokens, "token")))"
    output.notice("cleared \(forgotten)\(kept) — :undo restores")
  }

  /// `:undo [N]`: the first question taken back returns to the editor.
  func undo(_ text: String) throws {
    guard let count = text.isEmpty ? 1 : Int(text) else {
      throw CommandError("undo", "expected a number of turns, got \"\(text)\"")
    }
    let undone = try conversation.undo(count)
    let context = "ctx \(conversation.used)/\(conversation.capacity)"
    switch undone {
    case .clear(let turns):
      output.notice("restored \(counted(turns, "turn")) (\(context))")
    case .turns(let numbers, let tokens, let question):
      output.notice(
        "undid \(named(turns: numbers)) (−\(SizeText.grouped(tokens)) tokens, \(context))")
      prefill = question
    }
  }
}
