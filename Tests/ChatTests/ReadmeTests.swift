import Foundation
import Testing

@testable import Chat

/// The README's tables are those of the code.
@Suite struct ReadmeTests {
  private static let path = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("README.md").path

  /// `LLAMA_CHAT_WRITE_README=1 make test` puts the code's tables into the README.
  @Test func tablesAreThoseOfTheCode() throws {
    try check(MarkdownTables.commands, named: "commands")
    try check(MarkdownTables.keys, named: "keys")
  }

  private func check(_ table: String, named name: String) throws {
    let text = try String(contentsOfFile: Self.path, encoding: .utf8)
    let markers = (begin: "<!-- \(name): from the code -->\n", end: "\n<!-- end of \(name) -->")
    let begin = try #require(text.range(of: markers.begin))
    let end = try #require(text[begin.upperBound...].range(of: markers.end))
    let found = String(text[begin.upperBound..<end.lowerBound])
    guard found != table else { return }
    if ProcessInfo.processInfo.environment["LLAMA_CHAT_WRITE_README"] == "1" {
      let changed = text.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: table)
      try changed.write(toFile: Self.path, atomically: true, encoding: .utf8)
      return
    }
    Issue.record(
      "README.md: the table of \(name) is not the code's; LLAMA_CHAT_WRITE_README=1 make test writes it"
    )
  }
}
