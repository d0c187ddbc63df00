import Chat

/// `text` with everything a terminal would obey made visible; see ``TerminalText/visible(_:)``.
///
/// - Parameter singleLine: Show newlines as well, so that the text stays on its line.
func visible(_ text: String, singleLine: Bool = false) -> String {
  let shown = TerminalText.visible(text)
  return singleLine ? String(shown.map { $0 == "\n" ? "␊" : $0 }) : shown
}
