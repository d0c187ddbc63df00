import Inference
import ModelFile
import Tokenization

extension SessionFile {
  /// Checks bytes and takes a session from them.
  ///
  /// - Parameter path: The file's path, for errors.
  /// - Throws: `ModelFileError` naming the field, what was found and what was expected.
  public static func decode(_ bytes: [UInt8], path: String) throws -> Session {
    try bytes.withUnsafeBytes { bytes in
      do {
        let version = try checkFrame(of: bytes)
        var reader = FieldReader(
          UnsafeRawBufferPointer(rebasing: bytes.dropLast(4)), version: version)
        try reader.bytes.seek(to: headerLength, "first field")
        return try session(from: &reader)
      } catch let error as ModelFileError {
        throw error.at(path)
      }
    }
  }

  /// Magic, version, size and checksum; the version.
  private static func checkFrame(
    of bytes: UnsafeRawBufferPointer
  ) throws(ModelFileError) -> UInt32 {
    guard bytes.count >= magic.count, bytes.prefix(magic.count).elementsEqual(magic) else {
      throw ModelFileError("does not begin with \"LCS1\"; expected a chat saved by :save")
    }
    guard bytes.count >= headerLength + 4 else {
      throw ModelFileError("is \(bytes.count) bytes; too short for a saved chat")
    }
    var reader = ByteReader(bytes)
    _ = try reader.read(count: magic.count, "magic")
    let version = try reader.read(UInt32.self, "version")
    guard (oldestVersion...Self.version).contains(version) else {
      throw ModelFileError(
        "version is \(version); this program knows \(oldestVersion)…\(Self.version)")
    }
    let size = try reader.read(UInt64.self, "size")
    guard size == UInt64(bytes.count) else {
      throw ModelFileError(
        "is \(SizeText.grouped(bytes.count)) bytes; its header says \(size)"
          + (size > UInt64(bytes.count) ? "; it was cut short" : ""))
    }
    let found = CRC32.checksum(bytes.dropLast(4))
    try reader.seek(to: bytes.count - 4, "checksum")
    let stored = try reader.read(UInt32.self, "checksum")
    guard stored == found else {
      throw ModelFileError(
        "checksum is 0x\(String(stored, radix: 16)), its content has 0x\(String(found, radix: 16));"
          + " the file is damaged")
    }
    return version
  }

  private static func session(from reader: inout FieldReader) throws -> Session {
    let id = try reader.bytes.read(UInt64.self, "chat id")
    let savedAt = try reader.bytes.read(Int64.self, "time")
    let model = ModelFingerprint(
      fileSize: try reader.bytes.read(UInt64.self, "model size"),
      weights: try reader.bytes.read(UInt64.self, "weights hash"),
      vocabulary: try reader.bytes.read(UInt64.self, "vocabulary hash"))
    let modelName = try reader.text("model name")
    let template = try reader.choice(of: templates, "template")
    let kvType = try reader.choice(of: kvTypes, "KV type")
    let settings = try reader.settings()
    let generatorState = try reader.bytes.read(UInt64.self, "generator state")
    guard generatorState != 0 else {
      throw ModelFileError("generator state is 0, which the generator never has")
    }
    let promptName = try reader.optionalText("prompt name")
    let system = try reader.optionalText("system prompt")
    let contextUsed = Int(try reader.bytes.read(UInt32.self, "tokens in use"))
    let leftOut = Int(try reader.bytes.read(UInt32.self, "turns left out"))
    let turns = try reader.turns()
    guard leftOut <= turns.count else {
      throw ModelFileError("turns left out are \(leftOut) of \(turns.count)")
    }
    guard reader.bytes.remaining == 0 else {
      throw ModelFileError(
        "\(counted(reader.bytes.remaining, "byte")) after the last turn; expected none")
    }
    return Session(
      id: id, savedAt: savedAt, model: model, modelName: modelName, template: template,
      kvType: kvType, settings: settings, generatorState: generatorState, promptName: promptName,
      system: system, contextUsed: contextUsed, leftOut: Array(turns[..<leftOut]),
      turns: Array(turns[leftOut...]))
  }
}

/// The fields of a session file, each checked as it is read.
private struct FieldReader {
  var bytes: ByteReader
  private let version: UInt32
  private var recorded = 0

  init(_ fields: UnsafeRawBufferPointer, version: UInt32) {
    bytes = ByteReader(fields)
    self.version = version
  }

  mutating func text(_ field: String) throws(ModelFileError) -> String {
    let count = try bytes.read(UInt32.self, field)
    let view = try bytes.read(count: Int(count), field)
    guard let text = String(validating: view, as: UTF8.self) else {
      throw ModelFileError("\(field) is not UTF-8")
    }
    return text
  }

  mutating func flag(_ field: String) throws(ModelFileError) -> Bool {
    try choice(of: [false, true], field)
  }

  mutating func choice<T>(of values: [T], _ field: String) throws(ModelFileError) -> T {
    let index = Int(try bytes.read(UInt8.self, field))
    guard values.indices.contains(index) else {
      throw ModelFileError("\(field) is \(index); must be 0…\(values.count - 1)")
    }
    return values[index]
  }

  mutating func optionalText(_ field: String) throws(ModelFileError) -> String? {
    try flag("presence of \(field)") ? text(field) : nil
  }

  mutating func settings() throws -> Settings {
    let capacity = Int(try bytes.read(UInt32.self, "context"))
    guard (16...1 << 22).contains(capacity) else {
      throw ModelFileError("context is \(capacity) tokens; must be 16…\(1 << 22)")
    }
    var settings = Settings(capacity: capacity)
    let temperature = try bytes.readFloat("temp")
    let topP = try bytes.readFloat("topp")
    let seed = try bytes.read(UInt64.self, "seed")
    let maxTokens = try bytes.read(UInt32.self, "max")
    var values: [(Settings.Key, String)] = [
      (.temp, "\(temperature)"), (.topp, "\(topP)"), (.seed, "\(seed)"), (.max, "\(maxTokens)"),
      (.stats, try flag("stats") ? "on" : "off"), (.tags, try flag("tags") ? "allow" : "refuse"),
    ]
    if version > SessionFile.oldestVersion {
      let policy = try choice(of: SessionFile.overflows, "overflow")
      values.append((.overflow, policy.rawValue))
    }
    for (key, text) in values {
      do {
        try settings.set(key, to: text)
      } catch let error as SettingError {
        throw ModelFileError(error.description)
      }
    }
    return settings
  }

  mutating func turns() throws(ModelFileError) -> [Turn] {
    let pieces = hasStretches ? try self.pieces() : []
    let count = Int(try bytes.read(UInt32.self, "number of turns"))
    // A turn takes two lengths and a byte at the least.
    guard count <= bytes.remaining / 9 else {
      throw ModelFileError(
        "number of turns is \(SizeText.grouped(count)); \(SizeText.grouped(bytes.remaining)) bytes"
          + " cannot hold them")
    }
    var turns: [Turn] = []
    var before: ReplyRecord?
    for number in 1...max(1, count) where number <= count {
      let (question, answer) = (try text("question \(number)"), try text("answer \(number)"))
      var record: ReplyRecord?
      if try flag("presence of record \(number)") {
        record =
          hasStretches
          ? try self.record(number, of: pieces) : try self.record(number, after: before)
        before = record
      }
      turns.append(Turn(question: question, answer: answer, record: record))
    }
    return turns
  }

  private var hasStretches: Bool { version > SessionFile.lastVersionOfOneDraw }

  /// What the prompts consist of.
  private mutating func pieces() throws(ModelFileError) -> [SharedTokens.Piece] {
    let count = Int(try bytes.read(UInt32.self, "number of pieces"))
    // A piece takes its length and a token.
    guard count <= bytes.remaining / 8 else {
      throw ModelFileError(
        "number of pieces is \(SizeText.grouped(count)); \(SizeText.grouped(bytes.remaining)) bytes"
          + " cannot hold them")
    }
    var pieces: [SharedTokens.Piece] = []
    for number in 0..<count {
      let tokens = try tokens("piece \(number)")
      guard !tokens.isEmpty else { throw ModelFileError("piece \(number) is empty") }
      pieces.append(SharedTokens.Piece(tokens))
    }
    return pieces
  }

  private mutating func record(
    _ number: Int, of pieces: [SharedTokens.Piece]
  ) throws(ModelFileError) -> ReplyRecord {
    let stretches = try self.stretches(number)
    let ending = try choice(of: SessionFile.endings, "ending of turn \(number)")
    let count = Int(try bytes.read(UInt32.self, "pieces of turn \(number)"))
    guard count <= bytes.remaining / 4 else {
      throw ModelFileError(
        "pieces of turn \(number) are \(SizeText.grouped(count)); \(SizeText.grouped(bytes.remaining))"
          + " bytes cannot hold them")
    }
    var prompt: [SharedTokens.Piece] = []
    for _ in 0..<count {
      let index = Int(try bytes.read(UInt32.self, "piece of turn \(number)"))
      guard pieces.indices.contains(index) else {
        throw ModelFileError(
          "piece of turn \(number) is \(index); there are \(counted(pieces.count, "piece"))")
      }
      prompt.append(pieces[index])
    }
    let record = ReplyRecord(
      sharedPrompt: try checked(SharedTokens(pieces: prompt), number),
      tokens: try tokens("tokens of turn \(number)"), stretches: stretches, ending: ending)
    let last = stretches[stretches.count - 1].start
    guard last <= record.tokens.count else {
      throw ModelFileError(
        "a stretch of turn \(number) starts at \(last); it has \(counted(record.tokens.count, "token"))"
      )
    }
    return record
  }

  private mutating func stretches(
    _ number: Int
  ) throws(ModelFileError) -> [ReplyRecord.Stretch] {
    let count = Int(try bytes.read(UInt32.self, "stretches of turn \(number)"))
    // A stretch takes where it starts and a byte.
    guard count > 0, count <= bytes.remaining / 5 else {
      throw ModelFileError(
        "stretches of turn \(number) are \(SizeText.grouped(count)); expected one at least, and"
          + " \(SizeText.grouped(bytes.remaining)) bytes to hold them")
    }
    var stretches: [ReplyRecord.Stretch] = []
    for _ in 0..<count {
      let start = Int(try bytes.read(UInt32.self, "start of a stretch of turn \(number)"))
      guard stretches.last.map({ $0.start < start }) ?? (start == 0) else {
        throw ModelFileError(
          "a stretch of turn \(number) starts at \(start); expected "
            + (stretches.last.map { "more than \($0.start)" } ?? "0"))
      }
      let isDrawn = try flag("kind of a stretch of turn \(number)")
      stretches.append(
        ReplyRecord.Stretch(start: start, draw: isDrawn ? try draw(number) : nil))
    }
    return stretches
  }

  private mutating func draw(_ number: Int) throws(ModelFileError) -> ReplyRecord.Draw {
    let state = try bytes.read(UInt64.self, "generator state of turn \(number)")
    guard state != 0 else {
      throw ModelFileError("generator state of turn \(number) is 0, which the generator never has")
    }
    let temperature = try bytes.readFloat("temp of turn \(number)")
    let topP = try bytes.readFloat("topp of turn \(number)")
    guard (0...2).contains(temperature), topP > 0, topP <= 1 else {
      throw ModelFileError(
        "temp and topp of turn \(number) are \(temperature) and \(topP); must be 0…2 and in (0, 1]")
    }
    return ReplyRecord.Draw(generatorState: state, temperature: temperature, topP: topP)
  }

  /// A record of old versions: one draw, and of the prompt what it has more than the one before.
  private mutating func record(
    _ number: Int, after before: ReplyRecord?
  ) throws(ModelFileError) -> ReplyRecord {
    let draw = try draw(number)
    let ending = try choice(of: SessionFile.endings, "ending of turn \(number)")
    let shared = Int(try bytes.read(UInt32.self, "shared tokens of turn \(number)"))
    let known = before.map { $0.prompt + $0.tokens } ?? []
    guard shared <= known.count else {
      throw ModelFileError(
        "shared tokens of turn \(number) are \(shared); the turn before has \(known.count)")
    }
    let prompt = known[..<shared] + (try tokens("prompt tokens of turn \(number)"))
    return ReplyRecord(
      sharedPrompt: try checked(SharedTokens(prompt, sharing: before?.sharedPrompt), number),
      tokens: try tokens("tokens of turn \(number)"),
      stretches: [ReplyRecord.Stretch(start: 0, draw: draw)], ending: ending)
  }

  private mutating func checked(
    _ prompt: SharedTokens, _ number: Int
  ) throws(ModelFileError) -> SharedTokens {
    guard prompt.count > 0 else {
      throw ModelFileError("prompt of turn \(number) is empty; expected tokens")
    }
    recorded += prompt.count
    guard recorded <= SessionFile.maximumRecorded else {
      throw ModelFileError(
        "prompts up to turn \(number) have \(SizeText.grouped(recorded)) tokens; expected at most"
          + " \(SizeText.grouped(SessionFile.maximumRecorded))")
    }
    return prompt
  }

  private mutating func tokens(_ field: String) throws(ModelFileError) -> [TokenID] {
    let count = Int(try bytes.read(UInt32.self, field))
    let (size, overflow) = count.multipliedReportingOverflow(by: 4)
    let view = try bytes.read(count: overflow ? .max : size, field)
    var tokens: [TokenID] = []
    tokens.reserveCapacity(count)
    for offset in stride(from: 0, to: view.count, by: 4) {
      let token = TokenID(
        littleEndian: view.loadUnaligned(fromByteOffset: offset, as: TokenID.self))
      guard token >= 0 else {
        throw ModelFileError("\(field) hold \(token); ids are 0 or more")
      }
      tokens.append(token)
    }
    return tokens
  }
}
