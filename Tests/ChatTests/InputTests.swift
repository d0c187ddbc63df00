import ModelFile
import TestSupport
import Testing

@testable import Chat

@Suite struct MessageAssemblerTests {
  @Test(arguments: [
    (["hello"], ["hello"]), ([""], [""]),
    (["\"\"\"", "a", "", "b", "\"\"\"", "c"], ["a\n\nb", "c"]),
    (["\"\"\"first", "second\"\"\""], ["first\nsecond"]), (["\"\"\"one line\"\"\""], ["one line"]),
    (["one \\", "two"], ["one \ntwo"]), (["a\\", "b\\", "c"], ["a\nb\nc"]),
    (["path C:\\\\"], ["path C:\\\\"]), (["say \"\"\" now"], ["say \"\"\" now"]),
    (["\"\"\"", ":temp 0\\", "\"\"\""], [":temp 0\\"]), (["\"\"\"\"\"\""], [""]),
  ])
  func assembles(lines: [String], messages: [String]) {
    var assembler = MessageAssembler()
    #expect(lines.compactMap { assembler.append($0) } == messages)
    #expect(!assembler.isOpen)
    #expect(assembler.finish() == nil)
  }

  @Test func saysWhenMoreIsNeeded() {
    var assembler = MessageAssembler()
    #expect(assembler.append("\"\"\"") == nil)
    #expect(assembler.append("a") == nil)
    #expect(assembler.isOpen)
    #expect(assembler.finish() == "a")
    #expect(!assembler.isOpen)
  }
}

@Suite struct ScriptLinesTests {
  private func messages(_ text: String, _ cut: ScriptLines.Cut) throws -> [String] {
    let source = ScriptLines(text, name: "chat.txt", cut: cut)
    var messages: [String] = []
    while case .line(let line) = try source.read(prefill: nil, status: nil) {
      messages.append(line)
    }
    return messages
  }

  @Test(arguments: [
    ("a\nb\n\n", ScriptLines.Cut.message, ["a\nb"]), ("", .message, []), ("\n\n", .message, []),
    ("a\n\nb", .lines, ["a", "", "b"]), ("a\r\nb\r\n", .lines, ["a", "b"]),
    ("\"\"\"\nx\ny\n\"\"\"\n:quit\n", .script, ["x\ny", ":quit"]),
    ("a \\\nb\n", .script, ["a \nb"]),
    ("\"\"\"\nx", .lines, ["\"\"\"", "x"]),
  ])
  func cutsText(text: String, cut: ScriptLines.Cut, expected: [String]) throws {
    #expect(try messages(text, cut) == expected)
  }

  @Test func knowsWhereAMessageBegan() throws {
    let source = ScriptLines("a\n\"\"\"\nb\n\"\"\"\nc", name: "chat.txt", cut: .script)
    var places: [String?] = []
    while case .line = try source.read(prefill: nil, status: nil) { places.append(source.place) }
    #expect(places == ["chat.txt:1", "chat.txt:2", "chat.txt:5"])
  }

  @Test func refusesABlockThatNeverEnds() throws {
    let source = ScriptLines("a\n\"\"\"\nb\n", name: "chat.txt", cut: .script)
    _ = try source.read(prefill: nil, status: nil)
    let error = #expect(throws: ScriptError.self) {
      try source.read(prefill: nil, status: nil)
    }
    #expect(error?.place == "chat.txt:2")
    #expect(error?.kind == .usage)
  }
}

@Suite struct TextInputTests {
  @Test func decodesUTF8() throws {
    let bytes = [0xEF, 0xBB, 0xBF] + Array("a\r\né".utf8)
    #expect(try TextInput.decode(bytes, name: "x") == "a\né")
    #expect(try TextInput.decode([], name: "x") == "")
  }

  @Test(
    arguments: [
      ([0x61, 0xFF], "x:1: byte 1 (0xff) is not UTF-8"),
      ([0x61, 0x0A, 0xC3], "x:2: byte 2 (0xc3) is not UTF-8"),
      ([0x0A, 0x0A, 0x62, 0x00], "x:3: byte 3 is NUL; expected a text file"),
      ([0xED, 0xA0, 0x80], "x:1: byte 0 (0xed) is not UTF-8"),
    ] as [([UInt8], String)])
  func refusesOtherBytes(bytes: [UInt8], message: String) {
    let error = #expect(throws: TextInputError.self) { try TextInput.decode(bytes, name: "x") }
    #expect(error?.description == message)
    #expect(error?.kind == .damagedFile)
  }

  @Test func refusesWhatIsNoFile() throws {
    let directory = try TemporaryDirectory()
    for (path, reason) in [
      (directory.file("none"), "no such file"),
      (directory.path, "is a folder; expected a text file"),
    ] {
      let error = #expect(throws: TextInputError.self) { try TextInput.read(path: path) }
      #expect(error?.description == "\(path): \(reason)")
    }
    let path = try directory.write("a.txt", Array("héllo".utf8))
    #expect(try TextInput.read(path: path) == "héllo")
  }
}
