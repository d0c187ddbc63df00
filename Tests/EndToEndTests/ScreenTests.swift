import Chat
import Foundation
import TestSupport
import Testing

/// What is on the screen after its size has changed: all that was written, once, and nothing else.
@Suite(.serialized, .enabled(if: Tmux.isThere, "needs tmux"))
struct ScreenTests {
  private func start(_ options: [String] = [], columns: Int) throws -> (Tmux, Program) {
    let program = try Program()
    let tmux = try Tmux(
      program, Models.arguments(.slow) + options + ["-s", "7"], columns: columns, rows: 40)
    try tmux.until("a prompt") { $0.contains { $0.hasPrefix(">") } }
    return (tmux, program)
  }

  /// The line that tells how far reading has come goes away, however the terminal broke it.
  @Test func theProgressLineLeavesNothing() throws {
    let (tmux, _) = try start(["--ctx", "8192", "-n", "5"], columns: 100)
    try tmux.paste(InterruptTests.longText)
    try tmux.until("the text") { _ in try tmux.everything().contains("w1500") }
    try tmux.press("Enter")
    for columns in [30, 17, 120, 60] {
      try tmux.until("progress") { screen in
        screen.contains { $0.contains("s left") || $0.contains("cached") }
          || screen.joined().contains("left")
      }
      try tmux.resize(columns: columns, rows: 40)
    }
    try tmux.until("the reply") { $0.joined(separator: " ").contains("cached") }
    let everything = try tmux.everything()
    #expect(!everything.contains("left") && !everything.contains("tokens·"))
  }

  @Test func aReplyIsWhole() throws {
    let (tmux, program) = try start(["-n", "400"], columns: 80)
    try tmux.type("Tell me")
    try tmux.press("Enter")
    for columns in [30, 120, 23, 61] {
      let before = try tmux.everything().count
      try tmux.until("more of the reply") { _ in
        let now = try tmux.everything()
        return now.count > before || now.contains("400tok")
      }
      try tmux.resize(columns: columns, rows: 40)
    }
    try tmux.until("the end") { _ in try tmux.everything().contains("400tok") }
    var kept: Session?
    try tmux.until("the kept chat") { _ in
      kept = try? program.keptChats().first
      return kept != nil
    }
    let said = try #require(kept?.turns.first?.answer)
    // Of characters that take no room or are unknown to it, a terminal makes what it likes.
    func letters(_ text: some StringProtocol) -> String {
      String(text.filter { $0.isASCII && !$0.isWhitespace })
    }
    let everything = try tmux.everything()
    let start = try #require(everything.firstRange(of: "Tellme")).upperBound
    let end = try #require(everything.firstRange(of: "stoppedatmax")).lowerBound
    let shown = letters(everything[start..<end])
    let expected = letters(TerminalText.visible(said))
    #expect(shown.hasSuffix(expected))
    // Before it, nothing but the prompt's right side.
    let rest = shown.dropLast(expected.count)
    #expect(rest.wholeMatch(of: try Regex("ctx0%T0.00p0.90[0-9]+t")) != nil, "\(rest)")
  }
}
