import Chat
import Foundation
import TestSupport
import Testing

/// What is on the screen after its size has changed: all that was written, once, and nothing else.
@Suite(.serialized, .enabled(if: Tmux.isThere, "needs tmux"))
struct ScreenTests {
  private func start(
    _ options: [String] = [], columns: Int, rows: Int = 40
  ) throws -> (Tmux, Program) {
    let program = try Program()
    let tmux = try Tmux(
      program, Models.arguments(.slow) + options + ["-s", "7"], columns: columns, rows: rows)
    try tmux.until("a prompt") { $0.contains { $0.hasPrefix(">") } }
    return (tmux, program)
  }

  /// The line that tells how far reading has come goes away, however the terminal broke it, and takes nothing of the
  /// text above it along.
  ///
  /// Of two changes at once tmux tells the second a quarter of a second later, so the program knows another size than
  /// the screen has.
  @Test(arguments: [[[30], [17], [120], [60]], [[20, 110], [15, 90], [25, 100]]])
  func theProgressLineLeavesNothing(sizes: [[Int]]) throws {
    // Of a text taller than the screen the editor shows the end alone.
    let (tmux, _) = try start(["-n", "5"], columns: 100, rows: 80)
    let words = (1...1300).map { "w\($0)" }
    try tmux.paste(words.joined(separator: " "))
    try tmux.until("the text") { _ in try tmux.everything().contains("w1300") }
    try tmux.press("Enter")
    for columns in sizes {
      try tmux.until("progress") { screen in
        screen.contains { $0.contains("s left") || $0.contains("cached") }
          || screen.joined().contains("left")
      }
      for columns in columns { try tmux.resize(columns: columns, rows: 80) }
    }
    try tmux.until("the reply") { $0.joined(separator: " ").contains("cached") }
    let everything = try tmux.everything()
    #expect(!everything.contains("left") && !everything.contains("tokens·"))
    #expect(everything.contains(words.joined()))
  }

  /// A line of several rows is painted once, whatever the screen did in between.
  ///
  /// When it gets narrower, tmux leaves the cursor in its row and moves what has no room above that out of the screen,
  /// where no program reaches it: only below other text is the line whole.
  @Test(arguments: [true, false])
  func theTypedTextIsThereOnce(isPasted: Bool) throws {
    let (tmux, program) = try start(columns: 80)
    try tmux.type(":help")
    try tmux.press("Enter")
    try tmux.until("help and a prompt") {
      $0.count { !$0.isEmpty } > 20 && $0.last { !$0.isEmpty }?.hasPrefix(">") == true
    }
    let lines = [
      "The quick brown fox jumps over the lazy dog, again and again",
      "and a second line that is longer than forty columns, that is certain", "third",
    ]
    if isPasted {
      try tmux.paste(lines.joined(separator: "\n"))
    } else {
      for line in lines {
        try tmux.type(line)
        if line != lines.last { try tmux.press("C-j") }
      }
    }
    try tmux.until("the text") { $0.last { !$0.isEmpty } == "third" }
    let text = lines.joined().filter { !$0.isWhitespace }
    for (first, second) in [
      (40, 100), (30, 60), (100, 33), (25, 90), (61, 22), (50, 80), (40, 22), (80, 50),
    ] {
      for columns in [first, second] { try tmux.resize(columns: columns, rows: 40) }
      // Painted anew, the prompt stands at the start of a row of its own.
      try tmux.until("the text in \(second) columns") { screen in
        let rows = screen.drop { !$0.hasPrefix("> The quick") }
        return rows.first?.count ?? 0 > min(second, 60) - 10
          && rows.joined().filter { !$0.isWhitespace } == ">" + text
      }
      let everything = try tmux.everything()
      #expect(everything.ranges(of: text).count == 1)
      #expect(everything.ranges(of: text.prefix(12)).count == 1)
    }
    try tmux.press("Enter")
    try tmux.until("the reply") { _ in try program.history.count > 1 }
    #expect(try program.history == [":help", lines.joined(separator: "\n")])
  }

  /// What is to be seen for a moment only does not outlive the program.
  @Test(arguments: ["progress", "note"])
  func whatPassesGoesWithTheProgram(what: String) throws {
    let (tmux, _) = try start([], columns: 100)
    if what == "progress" {
      try tmux.paste(InterruptTests.longText)
      try tmux.until("the text") { _ in try tmux.everything().contains("w1500") }
      try tmux.press("Enter")
      try tmux.until("progress") { $0.contains { $0.contains("s left") } }
    } else {
      try tmux.type("Tell me")
      try tmux.press("Enter")
      try tmux.until("the reply") { $0.joined().count > 400 }
      try tmux.press("Right")
      try tmux.until("the note") { $0.contains { $0.contains("‹temp 0.10›") } }
    }
    let process = try #require(pid_t(tmux.tell("display-message", "-p", "#{pane_pid}")))
    kill(process, SIGTERM)
    try tmux.until("end") { _ in !isRunning(process) }
    try tmux.until("empty place") { _ in
      let everything = try tmux.everything()
      return !everything.contains("left") && !everything.contains("‹temp")
    }
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
