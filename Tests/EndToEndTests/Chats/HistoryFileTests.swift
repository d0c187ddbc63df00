import Foundation
import TestSupport
import Testing

@testable import llama_chat

@Suite struct HistoryFileTests {
  @Test func entriesComeBackAsTheyWere() throws {
    let folder = try TemporaryDirectory()
    let entries = ["plain", "two\nlines ", "漢字 \u{1B} \"quoted\" \\ /", "e\u{301}"]
    let path = folder.file("state/llama-chat/history")
    let history = HistoryFile(path: path) { Issue.record("\($0)") }
    #expect(history.load().isEmpty)
    for entry in entries { history.append(entry) }
    let again = HistoryFile(path: path) { Issue.record("\($0)") }
    #expect(
      again.load().map { Array($0.unicodeScalars) } == entries.map { Array($0.unicodeScalars) })
  }

  @Test func foreignLinesAreSkipped() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write("history", Array("_HiStOrY_V2_\n\"kept\"\n{}\n\u{0}\n".utf8))
    #expect(HistoryFile(path: path) { Issue.record("\($0)") }.load() == ["kept"])
  }

  @Test func anOverlongFileIsTrimmed() throws {
    let folder = try TemporaryDirectory()
    let lines = (0..<HistoryFile.capacity + 10).map { "\"\($0)\"\n" }.joined()
    let path = try folder.write("history", Array(lines.utf8))
    let history = HistoryFile(path: path) { Issue.record("\($0)") }
    #expect(history.load().first == "10")
    let kept = try #require(FileManager.default.contents(atPath: path))
    #expect(kept.count { $0 == UInt8(ascii: "\n") } == HistoryFile.capacity)
    #expect(kept.starts(with: Array("\"10\"\n".utf8)))
  }

  @Test func aFileOfLargeEntriesIsTrimmed() throws {
    let folder = try TemporaryDirectory()
    let large = String(repeating: "a", count: HistoryFile.byteCapacity / 4 - 100)
    let lines = (0..<6).map { "\"\($0)\(large)\"\n" }.joined()
    let path = try folder.write("history", Array(lines.utf8))
    // As a killed run leaves it.
    try folder.write(".history.part-\(getpid())", [1])
    let history = HistoryFile(path: path) { Issue.record("\($0)") }
    #expect(history.load().map(\.first) == ["2", "3", "4", "5"])
    #expect(history.load().map(\.first) == ["2", "3", "4", "5"])
    #expect(
      try #require(FileManager.default.contents(atPath: path)).count <= HistoryFile.byteCapacity)
  }

  @Test func oneWarningWhenItCannotBeWritten() throws {
    let folder = try TemporaryDirectory()
    try folder.write("file", [])
    var warnings: [String] = []
    let history = HistoryFile(path: folder.file("file/history")) { warnings.append($0) }
    history.append("one")
    history.append("two")
    #expect(warnings.count == 1 && warnings[0].contains("history is not kept"))
  }

  @Test(arguments: [
    (["XDG_STATE_HOME": "/state", "HOME": "/home"], "/state/llama-chat/history"),
    (["XDG_STATE_HOME": "relative", "HOME": "/home"], "/home/.local/state/llama-chat/history"),
    (["XDG_STATE_HOME": "", "HOME": "/home"], "/home/.local/state/llama-chat/history"),
    ([:], nil),
  ])
  func itsPlaceFollowsTheEnvironment(environment: [String: String], path: String?) {
    #expect(HistoryFile.defaultPath(environment: environment) == path)
  }
}
