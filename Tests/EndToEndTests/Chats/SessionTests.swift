import Chat
import Foundation
import TestSupport
import Testing

/// Chats that outlive the program.
@Suite(.serialized) struct SessionTests {
  /// Goes on with the last chat on a terminal, up to the first prompt.
  private func resume(_ program: Program, _ model: Models.Model) throws -> PseudoTerminal {
    let terminal = try PseudoTerminal(
      Program.path, [try Models.path(model), "-c"], environment: program.environment,
      columns: 200)
    terminal.home = program.folder
    return terminal
  }

  @Test func aKilledChatGoesOnAfterItsLastTurn() throws {
    let program = try Program()
    let terminal = try program.chat(.slow)
    try terminal.type("Tell me\r")
    try terminal.expectReply()
    try terminal.type("\u{03}")
    try terminal.expect("stopped after")
    try terminal.expectPrompt()
    try terminal.type("And then?\r")
    try terminal.expectReply()
    kill(terminal.process, SIGKILL)
    #expect(try terminal.ending() == .signal(SIGKILL))

    let next = try resume(program, .slow)
    try next.expect("loaded 1 turn; ")
    try next.expect(", while you type")
    try next.expectPrompt()
    try next.type(":ctx\r")
    try next.expect("turn 1 ")
    try next.expectPrompt()
    try next.type("\u{04}")
    try next.expect("this chat is kept; --continue goes on with it")
    #expect(try next.ending() == .exit(0))
  }

  @Test func aKilledChatKeepsEveryTurn() throws {
    let program = try Program()
    let terminal = try program.chat()
    for message in ["one", "two", "three"] {
      try terminal.type(message + "\r")
      try terminal.expectPrompt()
    }
    kill(terminal.process, SIGKILL)
    #expect(try terminal.ending() == .signal(SIGKILL))
    let folder = program.folder.file(".local/state/llama-chat/autosave")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(files.count == 1)
    let path = folder + "/" + (try #require(files.first))
    #expect(
      try SessionFile.read(path: path).turns.map(\.question) == ["one", "two", "three"])

    let model = try Models.path(.quick)
    let check = try program.run([model, "--replay", path, "--check"])
    #expect(check.errors == "\(path): came out the same: 3 turns, 9 tokens\n")
    #expect(check.code == 0)
    // A pipe can go on as well, and is then kept.
    let piped = try program.run([model, "-c", "--prompt", "four"], input: [0x0A])
    #expect(piped.code == 0, "\(piped.errors)")
    #expect(try SessionFile.read(path: path).turns.count == 4)
    let other = try program.run([try Models.path(.slow), "-c", "--prompt", "x"], input: [0x0A])
    #expect(other.code == 3)
    #expect(other.errors.contains("holds no chat with this model to continue"))
  }

  @Test func aFolderThatCannotBeReadIsNotAnEmptyOne() throws {
    let program = try Program()
    try FileManager.default.createDirectory(
      atPath: program.folder.file(".local/state/llama-chat"), withIntermediateDirectories: true)
    try program.folder.write(".local/state/llama-chat/autosave", [1])
    let outcome = try program.run(try Models.arguments(.quick) + ["-c", "--prompt", "x"])
    #expect(outcome.code == 1, "\(outcome)")
    #expect(outcome.errors.contains("llama-chat/autosave: cannot be read: Not a directory"))
    let terminal = try program.chat()
    try terminal.type(":sessions\r")
    try terminal.expect("autosave: cannot be read: Not a directory")
    try terminal.expectPrompt()
  }

  /// Killed at any moment, what is in the folder can be read, and never has fewer turns than before.
  @Test func killsNeverLeaveADamagedChat() throws {
    let program = try Program()
    let folder = program.folder.file(".local/state/llama-chat/autosave")
    var most = 0
    for round in 0..<12 {
      let terminal = try PseudoTerminal(
        Program.path, try Models.arguments(.quick) + (round == 0 ? [] : ["-c"]),
        environment: program.environment)
      terminal.home = program.folder
      try terminal.expectPrompt()
      try terminal.type("first\r")
      try terminal.expectPrompt()
      try terminal.type(String(repeating: "more\r", count: 6))
      usleep(UInt32(round) * 1_700)
      kill(terminal.process, SIGKILL)
      #expect(try terminal.ending() == .signal(SIGKILL))
      let chats = try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { $0.hasSuffix(".chat") }
      #expect(chats.count == 1)
      let turns = try chats.map {
        try SessionFile.read(path: folder + "/" + $0).allTurns.count
      }
      #expect((turns.first ?? 0) > most)
      most = turns.first ?? 0
    }
  }

  @Test func replayNamesTheFirstDifference() throws {
    let program = try Program()
    let model = try Models.path(.quick)
    let script = Array("Hello\nAgain\n:save a --kv\n".utf8)
    let run = try program.run(
      [model, "--stdin", "script", "-s", "5", "-t", "1", "-n", "8"], input: script)
    #expect(run.code == 0, "\(run.errors)")
    let path = program.folder.file(".local/share/llama-chat/sessions/a.chat")
    let check = try program.run([model, "--replay", path, "--check"])
    #expect(check.code == 0, "\(check.errors)")
    #expect(check.output.isEmpty)
    let shown = try program.run([model, "--replay", path])
    #expect(shown.output == run.output)

    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[bytes.count / 2] ^= 4
    try program.folder.write("damaged.chat", bytes)
    let damaged = try program.run([model, "--replay", "damaged.chat", "--check"])
    #expect(damaged.code == 3)
    #expect(damaged.errors.hasPrefix("error: damaged.chat: checksum is "))

    var session = try SessionFile.read(path: path)
    var turn = session.turns[1]
    var record = try #require(turn.record)
    record.tokens[2] = record.tokens[2] == 9 ? 10 : 9
    turn = Turn(question: turn.question, answer: turn.answer, record: record)
    session.turns[1] = turn
    try SessionFile.write(session, to: program.folder.file("other.chat"))
    let other = try program.run([model, "--replay", "other.chat", "--check"])
    #expect(other.code == 3)
    #expect(other.errors.hasPrefix("error: other.chat: turn 2: token 3 is "))
    #expect(other.reason == .exit)
  }

  @Test func savedChatsAreLoaded() throws {
    let program = try Program()
    let model = try Models.path(.quick)
    let first = try program.run(
      [model, "--stdin", "script", "-t", "1", "-n", "8"], input: Array("Hello\n:save a --kv\n".utf8)
    )
    #expect(first.errors.contains("kv: writing "))
    let path = program.folder.file(".local/share/llama-chat/sessions/a.chat")
    let loaded = try program.run(
      [model, "--load", path, "--stdin", "script"], input: Array(":ctx\n:sessions\n".utf8))
    #expect(loaded.code == 0, "\(loaded.errors)")
    #expect(loaded.errors.contains("loaded 1 turn; kv matches: "))
    #expect(loaded.errors.contains("kv "))
    let byName = try program.run(
      [model, "--load", "a", "--stdin", "script"], input: Array(":save\n".utf8))
    #expect(byName.errors.contains("saved 1 turn as a, "), "\(byName.errors)")
    let foreign = try program.run(
      [try Models.path(.slow), "--load", path, "--stdin", "script"], input: Array(":ctx\n".utf8))
    #expect(foreign.errors.contains("loaded 1 turn, the text only: it was made with quick.bin"))
    let missing = try program.run([model, "--load", "no.chat", "--prompt", "x"], input: [0x0A])
    #expect(missing.code == 3)
    #expect(missing.errors == "error: no.chat: cannot be opened: No such file or directory\n")
    for wrong in [["-c", "--load", "x"], ["--check"], ["--replay", "x", "-c"]] {
      #expect(try program.run([model] + wrong).code == 2)
    }
  }

  /// No room for the longer chat: what was saved before is as it was.
  @Test func aFullDiskLeavesTheSavedChat() throws {
    let program = try Program()
    let model = try Models.path(.quick)
    let first = try program.run(
      [model, "-t", "0", "-n", "2", "--stdin", "script"], input: Array("Hello\n:save a\n".utf8))
    #expect(first.code == 0, "\(first)")
    let questions = (1...20).map { "A rather long question, number \($0)\n" }.joined()
    try program.folder.write("more", Array((questions + ":save a\n").utf8))
    let more = try program.shell(
      "ulimit -f 1; exec \"$0\" \"$1\" -n 2 --load a --script \"$2\"",
      [model, program.folder.file("more")])
    #expect(more.code == 2 && more.errors.contains("more:21: :save: "), "\(more)")
    let folder = program.folder.file(".local/share/llama-chat/sessions")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.chat"])
    #expect(try SessionFile.read(path: folder + "/a.chat").turns.map(\.question) == ["Hello"])
  }

  @Test func nothingIsKeptWhenNotWanted() throws {
    let silent = try Program()
    let unkept = try silent.chat(.quick, ["--no-autosave"])
    try unkept.type("one\r")
    try unkept.expectPrompt()
    try unkept.type("\u{04}")
    #expect(try unkept.ending() == .exit(0))
    #expect(
      !FileManager.default.fileExists(
        atPath: silent.folder.file(".local/state/llama-chat/autosave")))
  }
}
