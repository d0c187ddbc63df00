import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct PromptFileTests {
  @Test func readsFrontMatterAndBody() throws {
    let text = """
      ---
      description: "Explains: step by step"
      temp: 0.6
      max: 300
      ---

      You are patient.

      ---
      Always.

      """
    let prompt = try PromptFile(name: "x", path: "x.md", text: text)
    #expect(prompt.description == "Explains: step by step")
    #expect(prompt.system == "You are patient.\n\n---\nAlways.")
    #expect(prompt.settings == [.temp: "0.6", .max: "300"])
  }

  @Test(arguments: [
    ("", "x.md:1: expected \"---\" and front matter"),
    ("You are", "x.md:1: expected \"---\" and front matter"),
    ("---\ndescription: a\n", "x.md:1: front matter never ends; expected \"---\""),
    ("---\ntemp: 1\n---\nB", "x.md:3: front matter has no description"),
    ("---\n---\nB", "x.md:2: front matter has no description"),
    ("---\ndescription:\n---\nB", "x.md:2: description is empty"),
    ("---\ndescription: a\n---\n \n", "x.md:4: no system prompt after the front matter"),
    (
      "---\ndescription: a\ntmep: 1\n---\nB",
      "x.md:3: unknown key \"tmep\"; known: description, temp, topp, max"
    ),
    ("---\ndescription: a\ntemp: hot\n---\nB", "x.md:3: temp: must be 0…2, got \"hot\""),
    (
      "---\ndescription: a\nmax: -1\n---\nB",
      "x.md:3: max: must be 0…\(Int.max) tokens, 0 for no limit, got \"-1\""
    ),
    ("---\ndescription: a\ntopp: [1, 2]\n---\nB", "x.md:3: expected a plain \"key: value\""),
    ("---\njust text\n---\nB", "x.md:2: front matter must be \"key: value\" lines"),
    ("---\ndescription: a\nb: 'open\n---\nB", "x.md:3: front matter is not valid YAML"),
    ("---\ndescription: a\ntemp: 1\ntemp: 0\n---\nB", "x.md:2: front matter gives \"temp\" twice"),
  ])
  func refusesWithALine(text: String, message: String) {
    let error = #expect(throws: PromptError.self) {
      try PromptFile(name: "x", path: "x.md", text: text)
    }
    #expect(error?.description == message)
    #expect(error?.kind == .damagedFile)
  }
}

@Suite struct PromptLibraryTests {
  private static func file(_ description: String) -> [UInt8] {
    Array("---\ndescription: \(description)\n---\nYou are \(description).".utf8)
  }

  @Test func earlierFoldersHideLaterOnes() throws {
    let first = try TemporaryDirectory()
    let second = try TemporaryDirectory()
    try first.write("a.md", Self.file("first a"))
    try second.write("a.md", Self.file("second a"))
    try second.write("b.md", Self.file("second b"))
    try second.write("notes.txt", Self.file("no prompt"))
    try second.write(".hidden.md", Self.file("hidden"))
    let library = PromptLibrary(folders: ["/nonexistent", first.path, second.path])
    #expect(library.names == ["a", "b"])
    #expect(try library.prompt(named: "a").description == "first a")
    #expect(library.contents().prompts.map(\.description) == ["first a", "second b"])
    #expect(library.contents().problems.isEmpty)
  }

  @Test func saysWhatIsWrong() throws {
    let directory = try TemporaryDirectory()
    try directory.write("good.md", Self.file("good"))
    try directory.write("bad.md", [0xFF])
    let library = PromptLibrary(folders: [directory.path])
    let (prompts, problems) = library.contents()
    #expect(prompts.map(\.name) == ["good"])
    #expect(
      problems.map(\.description) == ["\(directory.path)/bad.md:1: byte 0 (0xff) is not UTF-8"])

    let cases = [
      ("goood", "no prompt \"goood\"; did you mean good?"),
      ("../good", "no prompt \"../good\"; there are: bad, good"),
    ]
    for (name, reason) in cases {
      let error = #expect(throws: PromptError.self) { try library.prompt(named: name) }
      #expect(error?.reason == reason)
      #expect(error?.kind == .usage)
    }
  }

  @Test func ownPromptsLoad() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("prompts")
    let (prompts, problems) = PromptLibrary(folders: [folder.path]).contents()
    #expect(problems.isEmpty, "\(problems.map(\.description))")
    #expect(prompts.count >= 10)
    for prompt in prompts {
      #expect(prompt.description.count <= 70, "\(prompt.name)")
      var settings = Settings(capacity: 2048)
      for (key, value) in prompt.settings { try settings.set(key, to: value) }
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(prompts.map { $0.name + ".md" } == files.sorted())
    let llama2 = try #require(prompts.first { $0.name == "llama2-default" }).system
    #expect(llama2.contains("while being safe.  Your answers"))
    #expect(llama2.utf8.count == 508)
  }
}
