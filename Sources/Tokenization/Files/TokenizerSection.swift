import ModelFile

/// The tokenizer section "LCT1", which a model file may carry after its weights.
///
/// Little-endian, n pieces, m merges:
///
/// | bytes | what |
/// |---|---|
/// | 0…3 | `LCT1` |
/// | 4…7 | u32 kind: 1 SentencePiece, 2 byte-level |
/// | 8…11 | u32 n |
/// | 12…15 | u32 m, 0 for SentencePiece |
/// | 16…27 | i32 bos, i32 eos, i32 unknown (-1 for none) |
/// | 28…31 | u32 flags: bit 0, a space is put before the text |
/// | 4·n, SentencePiece only | f32 scores |
/// | n, zero-padded to a multiple of 4 | u8 kind of each piece, 1…6 as ``Vocabulary/PieceKind`` |
/// | 4·(n + 1) | u32 where each piece begins in the piece bytes, and where the last one ends |
/// | 8·m | u32 left id, u32 right id of each merge, in order of rank |
/// | zero-padded to a multiple of 4 | piece bytes |
/// | last 4 | u32 CRC-32 (zlib's) of everything before |
enum TokenizerSection {
  static let magic = Array("LCT1".utf8)
  static let headerSize = 32
  static let spacePrefixFlag: UInt32 = 1

  // MARK: - Reading

  /// - Throws: ``TokenizerError`` naming the field.
  static func read(_ section: UnsafeRawBufferPointer) throws -> Vocabulary {
    var reader = ByteReader(section)
    guard try reader.read(count: 4, "magic").elementsEqual(magic) else {
      throw TokenizerError(reason: "does not begin with LCT1")
    }
    guard section.count <= Vocabulary.maximumFileSize else {
      throw TokenizerError(
        reason: "has \(SizeText.grouped(section.count)) bytes; no vocabulary needs more than "
          + SizeText.grouped(Vocabulary.maximumFileSize))
    }
    try checkCRC(section)
    let kindNumber = try reader.read(UInt32.self, "kind")
    guard let kind = UInt8(exactly: kindNumber).flatMap(TokenizerKind.init) else {
      throw TokenizerError(
        reason: "kind is \(kindNumber); this program knows 1 (SentencePiece) and 2 (byte-level)")
    }
    let count = Int(try reader.read(UInt32.self, "piece count"))
    guard 1...Vocabulary.maximumCount ~= count else {
      throw TokenizerError(reason: "has \(count) pieces; must be 1…\(Vocabulary.maximumCount)")
    }
    let mergeCount = Int(try reader.read(UInt32.self, "merge count"))
    let ids = try reader.read(Int32.self, count: 3, "special ids")
    let flags = try reader.read(UInt32.self, "flags")
    guard flags & ~spacePrefixFlag == 0 else {
      throw TokenizerError(reason: "flags are \(flags); this program knows only bit 0")
    }
    let scoreCount = kind == .sentencePiece ? count : 0
    let scores = try reader.read(UInt32.self, count: scoreCount, "scores")
    let kinds = try readKinds(&reader, count: count)
    let offsets = try reader.read(UInt32.self, count: count + 1, "piece offsets")
    let merges = try reader.read(Int32.self, count: 2 * mergeCount, "merges")
    let pieces = try readPieces(&reader, offsets: offsets)
    let vocabulary = Vocabulary(
      kind: kind, pieces: pieces, scores: scores.map(Float.init(bitPattern:)), kinds: kinds,
      merges: (0..<mergeCount).map { (merges[2 * $0], merges[2 * $0 + 1]) },
      bos: ids[0], eos: ids[1], unknown: ids[2] == -1 ? nil : ids[2],
      addsSpacePrefix: flags & spacePrefixFlag != 0)
    try vocabulary.validate()
    return vocabulary
  }

  private static func checkCRC(_ section: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(section)
    let body = try reader.read(count: max(headerSize, section.count - 4), "header")
    let stored = try reader.read(UInt32.self, "CRC-32")
    let computed = CRC32.checksum(body)
    guard stored == computed else {
      throw TokenizerError(
        reason: "is damaged: its CRC-32 is \(String(computed, radix: 16)), "
          + "stored is \(String(stored, radix: 16))")
    }
  }

  private static func readKinds(
    _ reader: inout ByteReader, count: Int
  ) throws -> [Vocabulary.PieceKind] {
    var kinds: [Vocabulary.PieceKind] = []
    kinds.reserveCapacity(count)
    for number in try reader.read(count: padded(count), "piece kinds").prefix(count) {
      guard let kind = Vocabulary.PieceKind(rawValue: number) else {
        throw TokenizerError(reason: "piece \(kinds.count) is of kind \(number); must be 1…6")
      }
      kinds.append(kind)
    }
    return kinds
  }

  /// Reads the piece bytes, which must end where the CRC begins.
  private static func readPieces(
    _ reader: inout ByteReader, offsets: [UInt32]
  ) throws -> PieceList {
    let offsets = offsets.map(Int.init)
    guard let first = offsets.first, let last = offsets.last, first == 0 else {
      throw TokenizerError(reason: "the first piece does not begin at 0")
    }
    if let id = offsets.indices.dropLast().first(where: { offsets[$0] > offsets[$0 + 1] }) {
      throw TokenizerError(
        reason: "piece \(id) begins at \(offsets[id]) and ends at \(offsets[id + 1])")
    }
    let bytes = try reader.read(count: padded(last), "piece bytes")
    guard reader.remaining == 4 else {
      let rest = reader.remaining - 4
      throw TokenizerError(reason: "has \(abs(rest)) bytes too \(rest < 0 ? "few" : "many")")
    }
    return PieceList(bytes: Array(bytes.prefix(last)), offsets: offsets)
  }

  // MARK: - Writing

  /// - Throws: ``TokenizerError`` for a vocabulary whose parts do not fit together.
  static func write(_ vocabulary: Vocabulary) throws -> [UInt8] {
    try vocabulary.validate()
    let pieces = vocabulary.pieces
    guard UInt32(exactly: pieces.bytes.count) != nil,
      let mergeCount = UInt32(exactly: vocabulary.merges.count)
    else {
      throw TokenizerError(reason: "is too large for a section, whose offsets have 32 bits")
    }
    var section = magic
    section.append(littleEndian: UInt32(vocabulary.kind.rawValue))
    section.append(littleEndian: UInt32(pieces.count))
    section.append(littleEndian: mergeCount)
    for id in [vocabulary.bos, vocabulary.eos, vocabulary.unknown ?? -1] {
      section.append(littleEndian: id)
    }
    section.append(littleEndian: vocabulary.addsSpacePrefix ? spacePrefixFlag : 0)
    for score in vocabulary.scores { section.append(float: score) }
    section += vocabulary.kinds.map(\.rawValue)
    section.pad(toMultipleOf: 4)
    for offset in pieces.offsets { section.append(littleEndian: UInt32(offset)) }
    for merge in vocabulary.merges {
      section.append(littleEndian: merge.left)
      section.append(littleEndian: merge.right)
    }
    section += pieces.bytes
    section.pad(toMultipleOf: 4)
    section.append(littleEndian: CRC32.checksum(section))
    return section
  }

  /// The next multiple of 4.
  private static func padded(_ count: Int) -> Int { (count + 3) & ~3 }
}

extension ByteReader {
  /// Reads integers that follow each other; allocates only when the bytes are there.
  fileprivate mutating func read<Value: FixedWidthInteger>(
    _: Value.Type, count: Int, _ field: String
  ) throws(ModelFileError) -> [Value] {
    let size = MemoryLayout<Value>.size
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: size)
    let bytes = try read(count: overflow ? .max : byteCount, field)
    return (0..<count).map { index in
      Value(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Value.self))
    }
  }
}
