import Foundation
import TestSupport
import Testing

/// Homes in which nothing can be kept, or that are not there: the chat goes on.
@Suite(.serialized) struct HomeTests {
  /// Says what is not kept, once; what is asked for and cannot be done is an error of that command alone.
  private func chat(in program: Program, warnings: Int, refusal: String) throws {
    let terminal = try program.chat(columns: 300)
    for line in ["one", "two", ":temp 0.5", "three"] { try terminal.send(line) }
    try terminal.type(":save a\r")
    try terminal.expect(refusal)
    try terminal.expectPrompt()
    // What was typed can be reached although it is in no file.
    try terminal.send("\u{1B}[A\u{1B}[A\u{1B}[A\u{1B}[A!")
    try terminal.type(":history\r")
    try terminal.expect("> two!")
    try terminal.expectPrompt()
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    let output = terminal.rawOutput
    for warning in ["history is not kept", "this chat is not kept"] {
      #expect(output.components(separatedBy: warning).count == warnings + 1, "\(output)")
    }
  }

  /// A file, a file system that takes nothing, a folder without permission (which does not bind root).
  @Test(arguments: ["/dev/null", "/proc", "locked"])
  func aHomeThatCannotBeWritten(home: String) throws {
    var program = try Program()
    if home == "locked" {
      guard geteuid() != 0 else { return }
      let folder = program.folder.file("locked")
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500])
      program.environment["HOME"] = folder
    } else {
      program.environment["HOME"] = home
    }
    try chat(in: program, warnings: 1, refusal: ":save: \(program.environment["HOME"] ?? "")")
  }

  @Test(arguments: [nil, "", "/nonexistent/home"])
  func aMissingHome(home: String?) throws {
    var program = try Program()
    program.environment["HOME"] = home
    guard home?.isEmpty == false else {
      try chat(in: program, warnings: 0, refusal: "there is no folder for saved chats; set HOME")
      let earlier = try program.run(Models.arguments(.quick) + ["-c", "--prompt", "x"])
      #expect(earlier.code == 3 && earlier.errors.contains("set HOME"), "\(earlier)")
      return
    }
    // Where folders can be made, they are.
    let parent = program.folder.file("new")
    program.environment["HOME"] = parent + "/home"
    let terminal = try program.chat()
    try terminal.send("one")
    try terminal.type("\u{04}")
    #expect(try terminal.ending() == .exit(0))
    #expect(
      FileManager.default.fileExists(atPath: parent + "/home/.local/state/llama-chat/history"))
  }
}
