/// The token that stands for each byte.
package struct ByteTokens: Sendable {
  /// By byte; of several tokens for one byte the first counts.
  private var tokens: [TokenID?] = Array(repeating: nil, count: 256)

  subscript(byte: UInt8) -> TokenID? { tokens[Int(byte)] }

  /// Takes SentencePiece's byte pieces, spelled `<0x00>` to `<0xFF>`.
  ///
  /// - Throws: ``TokenizerError`` naming a byte piece with another spelling.
  init(spelledIn vocabulary: Vocabulary) throws(TokenizerError) {
    for (id, kind) in vocabulary.kinds.enumerated() where kind == .byte {
      let piece = vocabulary.pieces[id]
      guard let byte = Self.value(ofSpelling: piece) else {
        throw TokenizerError(
          reason: "byte piece \(id) is \"\(String(decoding: piece, as: UTF8.self))\"; "
            + "must be <0x00>…<0xFF>")
      }
      add(TokenID(id), for: byte)
    }
  }

  /// Takes the normal pieces of one byte, which is what byte-level vocabularies have.
  init(singleBytesIn vocabulary: Vocabulary) {
    for (id, kind) in vocabulary.kinds.enumerated() where kind == .normal {
      let range = vocabulary.pieces.range(of: id)
      if range.count == 1 { add(TokenID(id), for: vocabulary.pieces.bytes[range.lowerBound]) }
    }
  }

  private mutating func add(_ id: TokenID, for byte: UInt8) {
    if tokens[Int(byte)] == nil { tokens[Int(byte)] = id }
  }

  /// The byte that `<0xNN>` spells, with two upper-case digits.
  package static func value(ofSpelling piece: some Collection<UInt8>) -> UInt8? {
    let piece = Array(piece)
    guard piece.count == 6, piece.starts(with: "<0x".utf8), piece[5] == UInt8(ascii: ">"),
      let high = digit(piece[3]), let low = digit(piece[4])
    else { return nil }
    return high << 4 | low
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
