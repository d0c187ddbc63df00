import ModelFile

/// Writes SentencePiece's `tokenizer.model`, the counterpart of ``SentencePieceModel``.
enum SentencePieceWriter {
  /// The message `ModelProto` of a vocabulary.
  ///
  /// - Throws: ``TokenizerError`` for a vocabulary the format has no room for.
  static func write(_ vocabulary: Vocabulary) throws -> [UInt8] {
    try vocabulary.validate()
    guard vocabulary.kind == .sentencePiece else {
      throw TokenizerError(
        reason: "is \(vocabulary.kind.summary); a tokenizer.model can only hold SentencePiece's")
    }
    let kinds = vocabulary.kinds
    let bytePieces = kinds.count { $0 == .byte }
    guard let unknown = vocabulary.unknown, kinds.count(where: { $0 == .unknown }) == 1,
      kinds[Int(unknown)] == .unknown, kinds[Int(vocabulary.bos)] == .control,
      kinds[Int(vocabulary.eos)] == .control, [0, 256].contains(bytePieces)
    else {
      throw TokenizerError(
        reason: "has not the special and byte pieces that a tokenizer.model needs")
    }
    var model: [UInt8] = []
    for (id, piece) in vocabulary.pieces.enumerated() {
      var message: [UInt8] = []
      message.append(field: 1, piece)
      message.append(tag: 2, wireType: 5)
      message.append(float: vocabulary.scores[id])
      if kinds[id] != .normal { message.append(field: 3, UInt64(kinds[id].rawValue)) }
      model.append(field: 1, message)
    }
    model.append(field: 2, trainer(vocabulary, unknown: unknown, hasBytes: bytePieces > 0))
    var normalizer: [UInt8] = []
    normalizer.append(field: 1, Array("identity".utf8))
    normalizer.append(field: 3, vocabulary.addsSpacePrefix ? 1 : 0)
    normalizer.append(field: 4, 0)
    normalizer.append(field: 5, 1)
    model.append(field: 3, normalizer)
    return model
  }

  private static func trainer(
    _ vocabulary: Vocabulary, unknown: TokenID, hasBytes: Bool
  ) -> [UInt8] {
    var spec: [UInt8] = []
    let bpe: UInt64 = 2
    spec.append(field: 3, bpe)
    spec.append(field: 4, UInt64(vocabulary.count))
    spec.append(field: 35, hasBytes ? 1 : 0)
    let ids = [unknown, vocabulary.bos, vocabulary.eos]
    for (offset, id) in ids.enumerated() {
      spec.append(field: 40 + UInt64(offset), UInt64(id))
      spec.append(field: 45 + UInt64(offset), vocabulary.pieces[Int(id)])
    }
    // No padding piece: -1, which protocol buffers write as 64 bits.
    spec.append(field: 43, UInt64.max)
    return spec
  }
}

extension [UInt8] {
  fileprivate mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  fileprivate mutating func append(tag number: UInt64, wireType: UInt64) {
    append(varint: number << 3 | wireType)
  }

  fileprivate mutating func append(field number: UInt64, _ value: UInt64) {
    append(tag: number, wireType: 0)
    append(varint: value)
  }

  fileprivate mutating func append(field number: UInt64, _ bytes: [UInt8]) {
    append(tag: number, wireType: 2)
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }
}
