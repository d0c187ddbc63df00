import Foundation
import Inference
import ModelFile
import Tokenization

/// A ``Session`` as bytes.
///
/// Little-endian: `LCS1`, u32 version, u64 size of the file; the fields in the order of ``encode(_:)``; CRC-32
/// of all before. A string is its length and its UTF-8; what may be missing has a byte 0 or 1 before it.
public enum SessionFile {
  static let magic = Array("LCS1".utf8)
  static let version: UInt32 = 3
  /// The oldest version that is read: it lacks the overflow setting.
  static let oldestVersion: UInt32 = 1
  /// The last version in which a record was one draw, and its prompt what it had more than the one before.
  static let lastVersionOfOneDraw: UInt32 = 2
  static let headerLength = 16
  /// The most bytes a session file can have.
  static let maximumSize = 1 << 28
  /// The most prompt tokens of all records together, however often the same: all of them may be read again.
  static let maximumRecorded = 1 << 24

  static let templates: [TemplateKind] = [.none, .llama2, .chatML]
  static let kvTypes: [KVType] = [.f32, .f16, .q8]
  static let overflows: [Settings.Overflow] = [.drop, .stop]
  static let endings: [TurnStatistics.Ending] = [.stopToken, .limit, .contextEnd, .interrupted]

  /// Reads and checks a file.
  ///
  /// - Throws: `ModelFileError` naming the file, the field, what was found and what was expected.
  public static func read(path: String) throws -> Session {
    let file = try SequentialReader(path: path, limit: maximumSize)
    return try decode(try file.read(count: file.size), path: path)
  }

  /// Writes a file that only its owner may read, complete or not at all.
  ///
  /// - Throws: `ModelFileError`.
  public static func write(_ session: Session, to path: String) throws {
    try OutputFile.write(encode(session), to: path, isPrivate: true)
  }

  // MARK: - Writing

  /// The bytes of a session.
  public static func encode(_ session: Session) -> [UInt8] {
    var bytes = magic
    bytes.append(littleEndian: version)
    bytes.append(littleEndian: UInt64(0))
    bytes.append(littleEndian: session.id)
    bytes.append(littleEndian: session.savedAt)
    bytes += session.model.key
    bytes.append(text: session.modelName)
    bytes.append(templates.firstIndex(of: session.template).map(UInt8.init) ?? 0)
    bytes.append(kvTypes.firstIndex(of: session.kvType).map(UInt8.init) ?? 0)
    bytes.append(settings: session.settings)
    bytes.append(littleEndian: session.generatorState)
    bytes.append(optional: session.promptName)
    bytes.append(optional: session.system)
    bytes.append(littleEndian: UInt32(clamping: session.contextUsed))
    bytes.append(littleEndian: UInt32(clamping: session.leftOut.count))
    append(session.allTurns, to: &bytes)
    let size = UInt64(bytes.count + 4)
    for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
    bytes.append(littleEndian: CRC32.checksum(bytes))
    return bytes
  }

  /// Prompts have most of their tokens in common: their pieces are written once, then each turn's by their numbers.
  private static func append(_ turns: [Turn], to bytes: inout [UInt8]) {
    let first = firstRecorded(turns)
    var numbers: [SharedTokens.Piece: UInt32] = [:]
    var pieces: [SharedTokens.Piece] = []
    for turn in turns[first...] {
      for piece in turn.record?.sharedPrompt.pieces ?? [] where numbers[piece] == nil {
        numbers[piece] = UInt32(clamping: pieces.count)
        pieces.append(piece)
      }
    }
    bytes.append(littleEndian: UInt32(clamping: pieces.count))
    for piece in pieces { bytes.append(tokens: piece.tokens) }
    bytes.append(littleEndian: UInt32(clamping: turns.count))
    for (index, turn) in turns.enumerated() {
      bytes.append(text: turn.question)
      bytes.append(text: turn.answer)
      guard let record = turn.record, index >= first else {
        bytes.append(0)
        continue
      }
      bytes.append(1)
      bytes.append(littleEndian: UInt32(clamping: record.stretches.count))
      for stretch in record.stretches { bytes.append(stretch: stretch) }
      bytes.append(endings.firstIndex(of: record.ending).map(UInt8.init) ?? 0)
      let prompt = record.sharedPrompt.pieces
      bytes.append(littleEndian: UInt32(clamping: prompt.count))
      for piece in prompt { bytes.append(littleEndian: numbers[piece] ?? 0) }
      bytes.append(tokens: record.tokens)
    }
  }

  /// The first turn whose record is kept, so that all together stay readable.
  private static func firstRecorded(_ turns: [Turn]) -> Int {
    var total = 0
    for index in turns.indices.reversed() {
      total += turns[index].record?.sharedPrompt.count ?? 0
      if total > maximumRecorded { return index + 1 }
    }
    return 0
  }
}

extension [UInt8] {
  fileprivate mutating func append(text: String) {
    append(littleEndian: UInt32(clamping: text.utf8.count))
    append(contentsOf: text.utf8)
  }

  fileprivate mutating func append(optional text: String?) {
    append(text == nil ? 0 : 1)
    if let text { append(text: text) }
  }

  fileprivate mutating func append(tokens: [TokenID]) {
    append(littleEndian: UInt32(clamping: tokens.count))
    for token in tokens { append(littleEndian: token) }
  }

  fileprivate mutating func append(stretch: ReplyRecord.Stretch) {
    append(littleEndian: UInt32(clamping: stretch.start))
    append(stretch.draw == nil ? 0 : 1)
    guard let draw = stretch.draw else { return }
    append(littleEndian: draw.generatorState)
    append(float: draw.temperature)
    append(float: draw.topP)
  }

  fileprivate mutating func append(settings: Settings) {
    append(littleEndian: UInt32(clamping: settings.capacity))
    append(float: settings.temperature)
    append(float: settings.topP)
    append(littleEndian: settings.seed)
    append(littleEndian: UInt32(clamping: settings.maxTokens))
    append(settings.showsStatistics ? 1 : 0)
    append(settings.allowsTags ? 1 : 0)
    append(SessionFile.overflows.firstIndex(of: settings.overflow).map(UInt8.init) ?? 0)
  }
}
