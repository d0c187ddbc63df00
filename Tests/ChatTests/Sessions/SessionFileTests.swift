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
    sharedPrompt: SharedTokens([1, 2, 3]), tokens: [4, 5],
    stretches: [
      .init(start: 0, draw: .init(generatorState: 99, temperature: 0.5, topP: 0.9))
    ], ending: .limit)
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

/// The short session's bytes as version 2 had them: no pieces, and of the record one draw, the number of tokens shared with
/// the turn before, prompt and tokens.
private func ofVersion2(_ bytes: [UInt8]) -> [UInt8] {
  var old = bytes[..<128] + bytes[148..<165] + bytes[174..<191] + [0, 0, 0, 0] + bytes[132..<148]
  old += bytes[199...]
  old[4] = 2
  return Array(old)
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

  /// In a full context each prompt is most of the one before, moved up.
  @Test func aFullContextIsNotWrittenAgainEachTurn() throws {
    let tiny = TinyRepl(try TinyChat(capacity: 500, settings: [.max: "16"]))
    let keeper = SessionKeeper(
      store: SessionStore(folder: "/a", autosaveFolder: "/b"), autosaves: false
    ) { _ in }
    var sizes: [Int] = []
    for number in 1...60 {
      try tiny.type("Question number \(number), and what else is to be told of it")
      sizes.append(
        SessionFile.encode(keeper.session(of: tiny.chat.conversation, promptName: nil)).count)
    }
    #expect(tiny.chat.conversation.leftOutTurns.count > 20)
    let prompts = tiny.chat.conversation.turns.compactMap { $0.record?.sharedPrompt.count }
    // Less than half of the prompts' own bytes.
    #expect(sizes[59] - sizes[29] < 30 * (prompts.min() ?? 0) * 4 / 2)
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
    var old = ofVersion2(bytes)
    #expect(try SessionFile.decode(sealed(old), path: "x") == session)
    // A file of version 1 lacks that byte.
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
    #expect(reason(bytes + [0]) == "is 216 bytes; its header says 215")
    #expect(reason(Array(bytes[..<100])) == "is 100 bytes; its header says 215; it was cut short")
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
      (4, 4, "version is 4; this program knows 1…3"), (56, 0xFFFF_FFFF, "model name at byte "),
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
      (128, 0xFFFF_FFFF, "number of pieces is 4,294,967,295; 79 bytes cannot hold them"),
      (132, 0, "piece 0 is empty"),
      (132, 0x4000_0001, "piece 0 at byte "),
      (136, 0x8000_0000, "piece 0 hold -2147483648; ids are 0 or more"),
      (148, 0xFFFF_FFFF, "number of turns is 4,294,967,295; 59 bytes cannot hold them"),
      (148, 0, "59 bytes after the last turn; expected none"),
      (148, 2, "question 2 at byte "), (152, 0x1000_0000, "question 1 at byte "),
      (158, 0x1000_0000, "answer 1 at byte "),
      (165, 0, "stretches of turn 1 are 0; expected one at least"),
      (
        165, 0x1000_0000, "stretches of turn 1 are 268,435,456; expected one at least, and 42 bytes"
      ),
      (169, 1, "a stretch of turn 1 starts at 1; expected 0"),
      (173, 0x0000_0007, "kind of a stretch of turn 1 is 7; must be 0…1"),
      (182, 0x7F80_0000, "temp and topp of turn 1 are inf"),
      (186, 0, "temp and topp of turn 1 are 0.5 and 0.0; must be 0…2 and in (0, 1]"),
      (191, 0x4000_0000, "pieces of turn 1 are 1,073,741,824; 16 bytes cannot hold them"),
      (191, 0, "prompt of turn 1 is empty; expected tokens"),
      (195, 1, "piece of turn 1 is 1; there are 1 piece"),
      (199, 0x4000_0001, "tokens of turn 1 at byte "),
      (203, 0xFFFF_FFFF, "tokens of turn 1 hold -1"),
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
    bytes[174] = 0
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

  /// What the same fields of old files are refused for.
  @Test(
    arguments: [
      (128, 0xFFFF_FFFF, "number of turns is 4,294,967,295; 62 bytes cannot hold them"),
      (157, 0, "temp and topp of turn 1 are 0.5 and 0.0; must be 0…2 and in (0, 1]"),
      (162, 1, "shared tokens of turn 1 are 1; the turn before has 0"),
      (166, 0xFFFF_FFFF, "prompt tokens of turn 1 at byte "),
      (170, 0x8000_0000, "prompt tokens of turn 1 hold -2147483648; ids are 0 or more"),
    ] as [(Int, UInt32, String)])
  func damagedFieldsOfOldFilesAreNamed(offset: Int, word: UInt32, message: String) throws {
    var bytes = ofVersion2(SessionFile.encode(try shortSession()))
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(index)))
    }
    let found = reason(sealed(bytes))
    #expect(found?.hasPrefix(message) == true, "\(found ?? "accepted")")
  }

  /// A stretch may begin where the reply ends, for the token that ended it, but not later.
  @Test func stretchesStayWithinTheReply() throws {
    for (start, isSound) in [(1, true), (2, true), (3, false)] {
      var session = try shortSession()
      var record = try #require(session.turns[0].record)
      record.stretches.append(.init(start: start))
      session.turns[0] = Turn(question: "Hi", answer: "ok", record: record)
      let found = reason(SessionFile.encode(session))
      #expect(found == (isSound ? nil : "a stretch of turn 1 starts at 3; it has 2 tokens"))
    }
  }

  /// However many turns share how long a prompt, a small file cannot ask for much memory.
  @Test func sharedPromptsAreBounded() throws {
    var session = try shortSession()
    let record = ReplyRecord(
      sharedPrompt: SharedTokens([TokenID](repeating: 1, count: 1 << 16)), tokens: [2],
      stretches: [.init(start: 0)], ending: .limit)
    session.turns = Array(
      repeating: Turn(question: "q", answer: "a", record: record), count: 300)
    let back = try SessionFile.decode(SessionFile.encode(session), path: "x")
    #expect(back.turns.count == 300)
    #expect(back.turns.filter { $0.record == nil }.count == 44)
    #expect(back.turns.last == session.turns.last)
  }
}
