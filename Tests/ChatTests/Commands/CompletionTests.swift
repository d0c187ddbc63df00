import TestSupport
import Testing

@testable import Chat

@Suite struct CompletionTests {
  @Test func completesWholeLines() throws {
    let directory = try TemporaryDirectory()
    let body = Array("---\nsystem: B {{tone}}\nargs: tone=x, topic=y, input\n---\n{{topic}}".utf8)
    for name in ["teacher.md", "tailor.md", "poet.md"] { try directory.write(name, body) }
    let tiny = TinyRepl(try TinyChat(), prompts: [directory.path])
    let cases: [(String, [String])] = [
      (":te", [":temp"]), (":t", [":temp", ":threads", ":tokens", ":topp"]),
      (":xyz", []), ("te", []), ("::te", []), (":te\n", []), (":xyz a", []),
      (":prompt t", [":prompt tailor", ":prompt teacher"]), (":prompt  po", [":prompt  poet"]),
      (":set t", [":set tags", ":set temp", ":set threads", ":set topp"]),
      (":set tags a", [":set tags allow"]), (":set stats ", [":set stats off", ":set stats on"]),
      (":set temp ", []), (":stats o", [":stats off", ":stats on"]), (":seed r", [":seed random"]),
      (":help cl", [":help clear"]), (":help k", [":help keys"]), (":h cl", [":h clear"]),
      (":threads ", [":threads +", ":threads -", ":threads auto"]),
      (":regen ", []), (":system You", []),
      (":file a \(directory.path)/po", [":file a \(directory.path)/poet.md"]),
      (":prompt poet t", [":prompt poet tone=", ":prompt poet topic="]),
      (
        ":prompt poet tone=a\\ b to",
        [":prompt poet tone=a\\ b tone=", ":prompt poet tone=a\\ b topic="]
      ),
      (":prompt nobody t", []),
      (":run \(directory.path)/po", [":run \(directory.path)/poet.md"]),
      (
        ":system @\(directory.path)/t",
        [":system @\(directory.path)/tailor.md", ":system @\(directory.path)/teacher.md"]
      ),
    ]
    for (line, candidates) in cases {
      #expect(tiny.repl.completions(for: line) == candidates, "\(line)")
    }
    #expect(tiny.repl.completions(for: ":").count == CommandTable.all.count)
    let folder = directory.path.split(separator: "/").last.map(String.init) ?? ""
    let parent = directory.path.dropLast(folder.count)
    #expect(
      tiny.repl.completions(for: ":system @\(parent)\(folder)") == [":system @\(directory.path)/"])
  }
}
