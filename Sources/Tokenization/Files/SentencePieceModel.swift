import ModelFile

/// SentencePiece's `tokenizer.model`: the message `ModelProto` of `sentencepiece_model.proto`.
///
/// Only what Llama-2 uses is taken; a model of another kind is refused by name, never approximated.
struct SentencePieceModel {
  private var pieces = PieceList()
  private var scores: [Float] = []
  private var kinds: [Vocabulary.PieceKind] = []

  // TrainerSpec; the values here are the format's defaults.
  private var modelType: UInt64 = 1
  private var byteFallback = false
  private var whitespaceIsSuffix = false
  private var bosPiece = Array("<s>".utf8)
  private var eosPiece = Array("</s>".utf8)

  // NormalizerSpec
  private var normalizerName = ""
  private var hasCharacterMap = false
  private var addsDummyPrefix = true
  private var removesExtraWhitespace = true
  private var escapesWhitespace = true

  /// - Throws: ``TokenizerError`` naming the piece or field.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> Vocabulary {
    var model = SentencePieceModel()
    try model.readModel(bytes)
    try model.checkAlgorithm()
    return try model.vocabulary()
  }

  private mutating func readModel(_ bytes: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(bytes, name: "model")
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let piece)): try readPiece(piece)
      case (2, .bytes(let trainer)): try readTrainer(trainer)
      case (3, .bytes(let normalizer)): try readNormalizer(normalizer)
      case (1...3, _): throw TokenizerError(reason: "field \(number) is not a message")
      default: break
      }
    }
  }

  private mutating func readPiece(_ bytes: UnsafeRawBufferPointer) throws {
    let id = kinds.count
    guard id < Vocabulary.maximumCount else {
      throw TokenizerError(reason: "has more than \(Vocabulary.maximumCount) pieces")
    }
    var (piece, score, kind) = (UnsafeRawBufferPointer(start: nil, count: 0), Float(0), UInt64(1))
    var reader = ProtobufReader(bytes, name: "piece \(id)")
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let value)): piece = value
      case (2, .fixed32(let value)): score = Float(bitPattern: value)
      case (3, .varint(let value)): kind = value
      case (1...3, _): throw TokenizerError(reason: "piece \(id), field \(number) has a wrong type")
      default: break
      }
    }
    guard !piece.isEmpty else { throw TokenizerError(reason: "piece \(id) is empty") }
    guard let kind = UInt8(exactly: kind).flatMap(Vocabulary.PieceKind.init) else {
      throw TokenizerError(reason: "piece \(id) is of kind \(kind); must be 1…6")
    }
    pieces.append(piece)
    scores.append(score)
    kinds.append(kind)
  }

  private mutating func readTrainer(_ bytes: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(bytes, name: "trainer spec")
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (3, .varint(let value)): modelType = value
      case (24, .varint(let value)): whitespaceIsSuffix = value != 0
      case (35, .varint(let value)): byteFallback = value != 0
      case (46, .bytes(let value)): bosPiece = Array(value)
      case (47, .bytes(let value)): eosPiece = Array(value)
      default: break
      }
    }
  }

  private mutating func readNormalizer(_ bytes: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(bytes, name: "normalizer spec")
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let value)): normalizerName = String(decoding: value, as: UTF8.self)
      case (2, .bytes(let value)): hasCharacterMap = !value.isEmpty
      case (3, .varint(let value)): addsDummyPrefix = value != 0
      case (4, .varint(let value)): removesExtraWhitespace = value != 0
      case (5, .varint(let value)): escapesWhitespace = value != 0
      default: break
      }
    }
  }

  /// Refuses every algorithm but the one that ``SentencePieceTokenizer`` is.
  private func checkAlgorithm() throws {
    guard !kinds.isEmpty else {
      throw TokenizerError(reason: "has no pieces; not a SentencePiece model")
    }
    guard modelType == 2 else {
      let names: [UInt64: String] = [1: "unigram", 3: "word", 4: "character"]
      throw TokenizerError(
        reason: "is a SentencePiece model of type \(names[modelType] ?? String(modelType)); "
          + "only BPE is supported")
    }
    guard !hasCharacterMap else {
      let name = normalizerName.isEmpty ? "without a name" : normalizerName
      throw TokenizerError(
        reason: "has the normalizer \(name); only identity is supported")
    }
    let unsupported = [
      ("remove_extra_whitespaces", removesExtraWhitespace),
      ("escape_whitespaces: false", !escapesWhitespace),
      ("treat_whitespace_as_suffix", whitespaceIsSuffix),
    ]
    if let (name, _) = unsupported.first(where: \.1) {
      throw TokenizerError(reason: "has \(name), which is not supported")
    }
  }

  private func vocabulary() throws -> Vocabulary {
    let unknowns = kinds.indices.filter { kinds[$0] == .unknown }
    guard let unknown = unknowns.first, unknowns.count == 1 else {
      throw TokenizerError(reason: "has \(unknowns.count) unknown pieces; must be one")
    }
    let byteCount = kinds.count { $0 == .byte }
    guard byteCount == (byteFallback ? 256 : 0) else {
      throw TokenizerError(
        reason: "has \(byteCount) byte pieces; must be \(byteFallback ? 256 : 0), "
          + "as byte_fallback is \(byteFallback)")
    }
    return Vocabulary(
      kind: .sentencePiece, pieces: pieces, scores: scores, kinds: kinds,
      bos: try controlPiece(bosPiece), eos: try controlPiece(eosPiece),
      unknown: TokenID(unknown), addsSpacePrefix: addsDummyPrefix)
  }

  private func controlPiece(_ piece: [UInt8]) throws -> TokenID {
    guard
      let id = kinds.indices.first(where: { kinds[$0] == .control && pieces[$0] == piece })
    else {
      throw TokenizerError(
        reason: "has no control piece \"\(String(decoding: piece, as: UTF8.self))\"")
    }
    return TokenID(id)
  }
}
