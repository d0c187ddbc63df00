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
    giveBackSettings()
    output.notice("\(systemDescription); \(rereading)")
  }

  /// What the model was told: `system: "You are a patient…" (38 tokens)`.
  public var systemDescription: String {
    let tokens = counted(conversation.template.systemLength(conversation.system), "token")
    switch conversation.system {
    case nil where conversation.template.defaultSystem != nil:
      return "system: none; the model's own default is used (\(tokens))"
    case nil: return "system: none"
    case let text?:
      let line = text.split(separator: "\n").joined(separator: " ")
      let shown = line.count <= 60 ? line : line.prefix(59) + "…"
      return "system: \"\(shown)\" (\(tokens))"
    }
  }

  /// `412 tokens must be re-read (~18 s), while you type`.
  var rereading: String {
    let tokens = conversation.pendingTokens
    let time = estimate(reading: tokens, atSpeed: conversation.readingSpeed)
    return "\(counted(tokens, "token")) must be re-read\(time), \(whenRead)"
  }
}
