import Chat
import Foundation
import TestSupport
import Testing

/// `--replay --check` of a chat to which everything was done that can be done to one.
@Suite(.serialized) struct ReplayedChatTests {
  @Test func whateverWasDoneComesOutTheSame() throws {
    let program = try Program(["EDITOR": "sed -i 's/^/Well: /'"])
    let terminal = try program.chat(.attentive, ["-t", "1", "-s", "5", "-n", "12"], columns: 200)
    for line in ["one", "two", ":undo", "\u{15}three", ":edit 1", " more", ":regen", ":branch"] {
      try terminal.send(line)
    }
    for line in [
      ":branch 1", "four", ":continue", ":alt 3 2", ":system Be kind.", "five", ":amend",
    ] {
      try terminal.send(line)
    }
    for line in [":continue", ":temp 0.5", "six", ":drop 1", ":topp 1", ":seed 3", "seven"] {
      try terminal.send(line)
    }
    // Knobs are turned in the midst of a reply, which is then stopped, and goes on.
    try terminal.send(":max 0")
    try terminal.type("eight\r")
    try terminal.expectReply()
    try terminal.type("\u{1B}[C\u{1B}[C\u{1B}[C")
    try terminal.expect("‹temp 0.80›")
    try terminal.type("\u{1B}[A\u{1B}[D")
    try terminal.expect("‹temp 0.70›")
    try terminal.type("\u{03}")
    try terminal.expect("stopped after")
    try terminal.expect("temp 0.50→0.80→0.70 at token ")
    try terminal.expectPrompt()
    for line in [":max 9", ":continue", "nine", ":save all"] { try terminal.send(line) }
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))

    let model = try Models.path(.attentive)
    let saved = program.folder.file(".local/share/llama-chat/sessions/all.chat")
    let kept = try #require(try program.keptChats().first)
    #expect(try SessionFile.read(path: saved).turns == kept.turns)
    #expect(kept.turns.count >= 5)
    let check = try program.run([model, "--replay", saved, "--check", "-j", "1"])
    #expect(check.code == 0, "\(check.errors)")
    #expect(
      check.errors.hasPrefix("\(saved): came out the same: \(kept.turns.count) turns, "),
      "\(check.errors)")
    #expect(check.errors.contains(" that were given\n") && !check.errors.contains("not run"))
    // And the chat goes on from there.
    let more = try program.run([model, "-c", "--prompt", "ten"])
    #expect(more.code == 0, "\(more.errors)")
    let again = try program.run([model, "--replay", saved, "--check"])
    #expect(again.errors == check.errors)
  }
}
