import ModelFile

/// llama2.c's `tokenizer.bin`.
///
/// Little-endian: u32 length of the longest piece, then for each piece f32 score, i32 length and its
/// bytes, to the end of the file. There is no count and there are no kinds: ids 0, 1 and 2 are unknown, BOS and
/// EOS (the latter written `\n<s>\n` and `\n</s>\n`), ids 3 to 258 are bytes when spelled `<0xNN>`.
/// A space is a space here, so that it cannot be told from U+2581.
enum TokenizerBin {
  /// - Throws: ``TokenizerError`` naming the piece.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> Vocabulary {
    var reader = ByteReader(bytes)
    let longest = try reader.read(UInt32.self, "length of the longest piece")
    var pieces = PieceList()
    var scores: [Float] = []
    var kinds: [Vocabulary.PieceKind] = []
    while reader.remaining > 0 {
      let id = pieces.count
      let (score, piece) = try readPiece(&reader, id: id, longest: longest)
      let kind = kind(of: piece, id: id)
      switch kind {
      case .normal: append(piece, to: &pieces)
      case .control: pieces.append(piece.drop { $0 == 0x0A }.prefix { $0 != 0x0A })
      default: pieces.append(piece)
      }
      scores.append(score)
      kinds.append(kind)
    }
    guard pieces.count >= 3 else {
      throw TokenizerError(
        reason: "has \(pieces.count) pieces; a tokenizer.bin begins with <unk>, <s> and </s>")
    }
    return Vocabulary(
      kind: .sentencePiece, pieces: pieces, scores: scores, kinds: kinds, bos: 1, eos: 2,
      unknown: 0, addsSpacePrefix: true)
  }

  private static func readPiece(
    _ reader: inout ByteReader, id: Int, longest: UInt32
  ) throws -> (score: Float, bytes: UnsafeRawBufferPointer) {
    guard id < Vocabulary.maximumCount else {
      throw TokenizerError(reason: "has more than \(Vocabulary.maximumCount) pieces")
    }
    let offset = reader.offset
    let header = try reader.read(count: 8, "score and length of piece \(id)")
    let score = Float(bitPattern: UInt32(littleEndian: header.loadUnaligned(as: UInt32.self)))
    let length = Int32(littleEndian: header.loadUnaligned(fromByteOffset: 4, as: Int32.self))
    guard score.isFinite else {
      throw TokenizerError(
        reason: "piece \(id) at byte \(offset) has the score \(score); must be finite")
    }
    guard length > 0, length <= longest else {
      throw TokenizerError(
        reason: "piece \(id) at byte \(offset) has \(length) bytes; must be 1…\(longest), "
          + "the length of the longest piece")
    }
    return (score, try reader.read(count: Int(length), "piece \(id)"))
  }

  private static func kind(
    of piece: UnsafeRawBufferPointer, id: Int
  ) -> Vocabulary.PieceKind {
    switch id {
    case 0: .unknown
    case 1, 2: .control
    case 3...258 where ByteTokens.value(ofSpelling: piece) != nil: .byte
    default: .normal
    }
  }

  /// Appends a piece with U+2581 for each space.
  private static func append(_ piece: UnsafeRawBufferPointer, to pieces: inout PieceList) {
    guard piece.contains(0x20) else { return pieces.append(piece) }
    var escaped: [UInt8] = []
    for byte in piece {
      if byte == 0x20 { escaped += SentencePieceTokenizer.space } else { escaped.append(byte) }
    }
    pieces.append(escaped)
  }
}

extension TokenizerBin {
  /// The bytes that llama2.c's tokenizer.py writes for the same vocabulary.
  ///
  /// - Throws: ``TokenizerError`` for a vocabulary that is not SentencePiece's, or whose special tokens
  ///   are not where readers of the format expect them.
  static func write(_ vocabulary: Vocabulary) throws -> [UInt8] {
    try vocabulary.validate()
    guard vocabulary.kind == .sentencePiece else {
      throw TokenizerError(
        reason: "is \(vocabulary.kind.summary); a tokenizer.bin can only hold SentencePiece's")
    }
    guard vocabulary.unknown == 0, vocabulary.bos == 1, vocabulary.eos == 2 else {
      throw TokenizerError(
        reason: "has other special ids than 0, 1 and 2, which a tokenizer.bin cannot say")
    }
    let pieces = vocabulary.pieces.enumerated().map { id, piece -> [UInt8] in
      id == 1 || id == 2 ? [0x0A] + piece + [0x0A] : SentencePieceTokenizer.unescaped(piece)
    }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(clamping: pieces.map(\.count).max() ?? 0))
    for (piece, score) in zip(pieces, vocabulary.scores) {
      bytes.append(float: score)
      bytes.append(littleEndian: Int32(clamping: piece.count))
      bytes += piece
    }
    return bytes
  }
}
