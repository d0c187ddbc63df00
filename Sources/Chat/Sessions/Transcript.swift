/// A chat for people to read.
enum Transcript {
  /// The whole chat as Markdown; what a terminal might obey is made visible.
  static func markdown(of conversation: Conversation) -> String {
    var parts = ["# Chat with \(conversation.modelName)"]
    if let system = conversation.system {
      let lines = system.split(separator: "\n", omittingEmptySubsequences: false)
      parts.append(lines.map { $0.isEmpty ? ">" : "> \($0)" }.joined(separator: "\n"))
    }
    for turn in conversation.leftOutTurns + conversation.turns {
      parts.append("## You")
      parts.append(turn.question)
      parts.append("## Model")
      parts.append(turn.answer)
    }
    let settings = conversation.settings
    parts.append(
      "---\n\ntemp \(settings.text(of: .temp)), topp \(settings.text(of: .topp)), "
        + "seed \(settings.text(of: .seed))")
    return TerminalText.visible(parts.joined(separator: "\n\n")) + "\n"
  }
}
