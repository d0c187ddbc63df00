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
}
