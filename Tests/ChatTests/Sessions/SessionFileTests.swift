import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

/// A session of one short turn, whose fields are at known places.
private func shortSession() throws -> Session {
  var settings = Settings(capacity: 512)
  try settings.set(.seed, to: "7")
  let record = ReplyRecord(
    prompt: [1, 2, 3], tokens: [4, 5], generatorState: 99, temperature: 0.5, topP: 0.9,
    ending: .limit)
  return Session(
    id: 11, savedAt: 1_700_000_000,
    model: ModelFingerprint(fileSize: 1, weights: 2, vocabulary: 3), modelName: "tiny.bin",
    template: .chatML, kvType: .f16, settings: settings, generatorState: 12, promptName: nil,
    system: "Be brief.", contextUsed: 20, leftOut: [],
    turns: [Turn(question: "Hi", answer: "ok", record: record)])
}

/// The bytes with the size and the checksum that a writer would have given them.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  let size = UInt64(bytes.count)
  for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
  bytes.removeLast(4)
  bytes.append(littleEndian: CRC32.checksum(bytes))
  return bytes
}

private func reason(_ bytes: [UInt8]) -> String? {
  do {
    _ = try SessionFile.decode(bytes, path: "x.chat")
    return nil
  } catch let error as ModelFileError {
    #expect(error.path == "x.chat")
    #expect(error.kind == .damagedFile)
    return error.reason
  } catch {
    return "not a ModelFileError: \(error)"
  }
}

@Suite struct SessionFileTests {
  @Test func comesBackAsItWas() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 160, settings: [.temp: "0.9"]))
    try tiny.type("Question number 1", "Question é 2", ":temp 0.1", "Question 3", "Question 4")
    let conversation = tiny.chat.conversation
    let keeper = SessionKeeper(
      store: SessionStore(folder: "/a", autosaveFolder: "/b"), autosaves: false
    ) { _ in }
    let session = keeper.session(of: conversation, promptName: "poet")
    #expect(session.allTurns.count == 4)
    #expect(!session.leftOut.isEmpty)
    #expect(session.allTurns.allSatisfy { $0.record != nil })
    let bytes = SessionFile.encode(session)
    #expect(try SessionFile.decode(bytes, path: "x") == session)
    #expect(bytes.count < 4000)
  }

  @Test func keepsWhatMayBeMissing() throws {
    var session = try shortSession()
    session.system = nil
    session.turns = [Turn(question: "", answer: "a\0\u{1B}")]
    session.promptName = ""
    #expect(try SessionFile.decode(SessionFile.encode(session), path: "x") == session)
    session.turns = []
    #expect(try SessionFile.decode(SessionFile.encode(session), path: "x") == session)
  }

  @Test func theOverflowPolicyIsKept() throws {
    var session = try shortSession()
    try session.settings.set(.overflow, to: "stop")
    let bytes = SessionFile.encode(session)
    #expect(try SessionFile.decode(bytes, path: "x").settings.overflow == .stop)
    // A file of version 1 lacks that byte.
    var old = bytes
    old.remove(at: 96)
    old[4] = 1
    try session.settings.set(.overflow, to: "drop")
    #expect(try SessionFile.decode(sealed(old), path: "x") == session)
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = SessionFile.encode(try shortSession())
    for count in bytes.indices {
      #expect(reason(Array(bytes[..<count])) != nil, "\(count)")
      // Cut, and made whole again by a writer that means ill.
      if count > 24 { #expect(reason(sealed(Array(bytes[..<count]))) != nil, "\(count)") }
    }
    #expect(reason(bytes + [0]) == "is 199 bytes; its header says 198")
    #expect(reason(Array(bytes[..<100])) == "is 100 bytes; its header says 198; it was cut short")
  }

  @Test func everyFlippedBitIsRefused() throws {
    let bytes = SessionFile.encode(try shortSession())
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        #expect(reason(damaged) != nil, "byte \(index), bit \(bit)")
        // With the checksum of the damaged bytes it is read or refused, but never a crash.
        if let text = reason(sealed(damaged)) { #expect(!text.hasPrefix("not a")) }
      }
    }
  }

  /// A 32-bit word at a place, and what must be said of it.
  @Test(
    arguments: [
      (0, 0x3153_4341, "does not begin with \"LCS1\"; expected a chat saved by :save"),
      (4, 3, "version is 3; this program knows 1…2"), (56, 0xFFFF_FFFF, "model name at byte "),
      (60, 0xFF, "model name is not UTF-8"), (68, 0x0000_0003, "template is 3; must be 0…2"),
      (69, 0x0002_0009, "KV type is 9; must be 0…2"),
      (70, 0, "context is 0 tokens; must be 16…4194304"),
      (70, 0x7FFF_FFFF, "context is 2147483647 tokens; must be 16…4194304"),
      (74, 0x7FC0_0000, "temp: must be 0…2, got \"nan\""),
      (74, 0x4040_0000, "temp: must be 0…2, got \"3.0\""),
      (78, 0xBF80_0000, "topp: must be in (0, 1], got \"-1.0\""),
      (90, 513, "max: must be 0…512 tokens, 0 for no limit, got \"513\""),
      (94, 0x0000_0002, "stats is 2; must be 0…1"), (96, 2, "overflow is 2; must be 0…1"),
      (105, 7, "presence of prompt name is 7; must be 0…1"),
      (107, 0x7FFF_FFFF, "system prompt at byte "), (124, 2, "turns left out are 2 of 1"),
      (128, 0xFFFF_FFFF, "number of turns is 4,294,967,295; 62 bytes cannot hold them"),
      (128, 0, "62 bytes after the last turn; expected none"),
      (128, 2, "question 2 at byte "), (132, 0x1000_0000, "question 1 at byte "),
      (138, 0x1000_0000, "answer 1 at byte "),
      (153, 0x7F80_0000, "temp and topp of turn 1 are inf"),
      (157, 0, "temp and topp of turn 1 are 0.5 and 0.0; must be 0…2 and in (0, 1]"),
      (162, 1, "shared tokens of turn 1 are 1; the turn before has 0"),
      (166, 0xFFFF_FFFF, "prompt tokens of turn 1 at byte "),
      (170, 0x8000_0000, "prompt tokens of turn 1 hold -2147483648; ids are 0 or more"),
      (182, 0x4000_0001, "tokens of turn 1 at byte "),
      (186, 0xFFFF_FFFF, "tokens of turn 1 hold -1"),
    ] as [(Int, UInt32, String)])
  func damagedFieldsAreNamed(offset: Int, word: UInt32, message: String) throws {
    var bytes = SessionFile.encode(try shortSession())
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(index)))
    }
    let found = reason(sealed(bytes))
    #expect(found?.hasPrefix(message) == true, "\(found ?? "accepted")")
  }

  @Test func aGeneratorNeverRestsAtZero() throws {
    var bytes = SessionFile.encode(try shortSession())
    bytes[97] = 0
    #expect(reason(sealed(bytes)) == "generator state is 0, which the generator never has")
    bytes[97] = 1
    bytes[145] = 0
    #expect(
      reason(sealed(bytes)) == "generator state of turn 1 is 0, which the generator never has")
  }

  @Test func filesThatAreNoneAreRefused() throws {
    let directory = try TemporaryDirectory()
    func refusal(_ path: String) -> String? {
      do {
        _ = try SessionFile.read(path: path)
        return nil
      } catch { return "\(error)" }
    }
    #expect(refusal(directory.path) == "\(directory.path): is a directory, not a file")
    let missing = directory.file("no.chat")
    #expect(refusal(missing) == "\(missing): cannot be opened: No such file or directory")
    let empty = try directory.write("empty.chat", [])
    #expect(refusal(empty)?.contains("does not begin with \"LCS1\"") == true)
    #expect(refusal("/dev/null")?.contains("is not a regular file") == true)
  }

  /// However many turns share how long a prompt, a small file cannot ask for much memory.
  @Test func sharedPromptsAreBounded() throws {
    var session = try shortSession()
    let prompt = [TokenID](repeating: 1, count: 1 << 16)
    let record = ReplyRecord(
      prompt: prompt, tokens: [2], generatorState: 1, temperature: 1, topP: 1, ending: .limit)
    session.turns = Array(
      repeating: Turn(question: "q", answer: "a", record: record), count: 300)
    let back = try SessionFile.decode(SessionFile.encode(session), path: "x")
    #expect(back.turns.count == 300)
    #expect(back.turns.filter { $0.record == nil }.count == 44)
    #expect(back.turns.last == session.turns.last)
  }
}
