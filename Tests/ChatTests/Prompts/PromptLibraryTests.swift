import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct PromptLibraryTests {
  private static func file(_ title: String) -> [UInt8] {
    Array("---\ntitle: \(title)\nsystem: You are \(title).\n---\n".utf8)
  }

  @Test func earlierFoldersHideLaterOnes() throws {
    let first = try TemporaryDirectory()
    let second = try TemporaryDirectory()
    try first.write("a.md", Self.file("first a"))
    try second.write("a.md", Self.file("second a"))
    try second.write("b.md", Self.file("second b"))
    try second.write("c.txt", Array("Only a message.".utf8))
    try second.write("notes.text", Self.file("no prompt"))
    try second.write(".hidden.md", Self.file("hidden"))
    let library = PromptLibrary(folders: ["/nonexistent", first.path, second.path])
    #expect(library.names == ["a", "b", "c"])
    #expect(try library.prompt(named: "a").title == "first a")
    #expect(library.contents().prompts.map(\.title) == ["first a", "second b", "c"])
    #expect(library.contents().problems.isEmpty)
  }

  @Test func saysWhatIsWrong() throws {
    let directory = try TemporaryDirectory()
    try directory.write("good.md", Self.file("good"))
    try directory.write("bad.md", [0xFF])
    #expect(mkfifo(directory.file("pipe.md"), 0o600) == 0)
    let library = PromptLibrary(folders: [directory.path])
    let (prompts, problems) = library.contents()
    #expect(prompts.map(\.name) == ["good"])
    #expect(
      problems.map(\.description) == [
        "\(directory.path)/bad.md:1: byte 0 (0xff) is not UTF-8",
        "\(directory.path)/pipe.md: is a pipe or a device; expected a text file",
      ])

    let cases = [
      ("goood", "no prompt \"goood\"; did you mean good?"),
      ("../good", "no prompt \"../good\"; there are: bad, good, pipe"),
    ]
    for (name, reason) in cases {
      let error = #expect(throws: PromptError.self) { try library.prompt(named: name) }
      #expect(error?.reason == reason)
      #expect(error?.kind == .usage)
    }
  }

  @Test func checkNamesEveryFinding() throws {
    let directory = try TemporaryDirectory()
    try directory.write("good.md", Self.file("good"))
    try directory.write("good.txt", Array("hidden".utf8))
    try directory.write("a.md", Array("---\ntmep: 1\n---\n{{file:gone.txt}}".utf8))
    try directory.write("b.md", Array("---\ntemp: hot\n---\nB".utf8))
    try directory.write(
      "c d.md", Array("---\ntitle: \(String(repeating: "x", count: 61))\n---\nB".utf8))
    let check = try PromptLibrary.check(folder: directory.path + "/")
    #expect(check.fileCount == 5)
    #expect(
      check.findings.map { $0.description.dropFirst(directory.path.count + 1) } == [
        "a.md:2: unknown key \"tmep\"; did you mean \"temp\"?",
        "a.md: {{file:gone.txt}}: no such file",
        "b.md:2: temp: must be 0…2, got \"hot\"",
        "c d.md: title has 61 characters; expected 60 or less",
        "c d.md: a name with a space cannot be typed",
        "good.txt: is hidden by good.md",
      ])
    for folder in ["/nonexistent", try TemporaryDirectory().path] {
      #expect(throws: PromptError.self) { try PromptLibrary.check(folder: folder) }
    }
  }

  private static let ownFolder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("prompts").path

  /// Every prompt of our own is faultless, is filled in, and fits into a small context.
  @Test func ownPromptsLintAndRender() throws {
    let check = try PromptLibrary.check(folder: Self.ownFolder)
    #expect(check.findings.isEmpty, "\(check.findings.map(\.description))")
    #expect(check.fileCount >= 16)
    let sample = Self.ownFolder + "/concise.md"
    let (prompts, problems) = PromptLibrary(folders: [Self.ownFolder]).contents()
    #expect(problems.isEmpty && prompts.count == check.fileCount)
    for prompt in prompts {
      let missing = prompt.arguments.variables.filter { $0.standard == nil && $0.name != "input" }
      let takesText =
        prompt.messages.isEmpty || prompt.messages.contains { $0.variables.contains("input") }
      let rendered = try prompt.rendered(
        missing.map { ($0.name, $0.name == "path" ? sample : "rain") },
        input: takesText ? "Some text." : nil)
      #expect(rendered.messages.allSatisfy { !$0.isEmpty && !$0.contains("{{") }, "\(prompt.name)")
      #expect((rendered.system ?? "x").utf8.count < 2000, "\(prompt.name)")
      #expect(prompt.title != prompt.name, "\(prompt.name) has no title")
    }
    let llama2 = try #require(prompts.first { $0.name == "llama2-default" }?.rendered().system)
    #expect(llama2.contains("while being safe.  Your answers"))
    #expect(llama2.utf8.count == 508)
  }
}
