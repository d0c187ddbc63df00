import ModelFile
import Tokenization

/// Reads the tokenizer that a GGUF file carries (`tokenizer.ggml.*`).
struct GGUFVocabulary {
  private static let maxPieceBytes = 4096
  private static let maxMerges = 1 << 22

  private let metadata: GGUFMetadata
  private let input: InputFile

  init(_ file: GGUFFile) {
    metadata = file.metadata
    input = file.input
  }

  /// The vocabulary, ready to be appended to a model file.
  ///
  /// - Throws: ``ConversionError`` when there is none, when it is of a kind that cannot be read, or
  ///   when its parts contradict each other.
  func vocabulary() throws -> Vocabulary {
    guard let model = try metadata.string("tokenizer.ggml.model") else {
      throw input.damaged("has no tokenizer ('tokenizer.ggml.model'); use a whole model")
    }
    switch model {
    case "llama": return try sentencePiece()
    case "gpt2": return try byteLevel()
    default:
      throw input.damaged(
        "has a tokenizer of model '\(model)'; 'llama' (SentencePiece) and 'gpt2' with the "
          + "'smollm' pre-tokenizer can be read")
    }
  }

  /// Whether a text starts with BOS; `kind`'s custom when the file does not say.
  func addsBOS(_ kind: TokenizerKind) throws -> Bool {
    try metadata.bool("tokenizer.ggml.add_bos_token") ?? (kind == .sentencePiece)
  }

  /// The end-of-turn token, when the file names one other than `eos`.
  func endOfTurn(in vocabulary: Vocabulary) throws -> TokenID? {
    let id = try special("eot", count: vocabulary.count)
    return id == vocabulary.eos ? nil : id
  }

  // MARK: - SentencePiece

  private func sentencePiece() throws -> Vocabulary {
    if let size = metadata.count(of: "tokenizer.ggml.precompiled_charsmap"), size > 0 {
      throw input.damaged(
        "has a tokenizer that normalises text (precompiled_charsmap), which is not supported")
    }
    if try metadata.bool("tokenizer.ggml.remove_extra_whitespaces") == true {
      throw input.damaged("has a tokenizer that removes extra whitespace, which is not supported")
    }
    let pieces = try pieces()
    let kinds = try kinds(count: pieces.count)
    guard
      let scores = try metadata.floats("tokenizer.ggml.scores", maxCount: Vocabulary.maximumCount)
    else {
      throw input.damaged("lacks metadata 'tokenizer.ggml.scores'")
    }
    try checkCount(scores.count, of: "tokenizer.ggml.scores", pieces.count)
    try checkBytePieces(pieces, kinds)
    try checkUnique(pieces, kinds)
    return Vocabulary(
      kind: .sentencePiece, pieces: pieces, scores: scores, kinds: kinds,
      bos: try required("bos", count: pieces.count, default: 1),
      eos: try required("eos", count: pieces.count, default: 2),
      unknown: try special("unknown", count: pieces.count)
        ?? kinds.firstIndex(of: .unknown).map(TokenID.init),
      addsSpacePrefix: try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true)
  }

  /// Checks that every byte piece is spelled `<0xNN>`.
  private func checkBytePieces(_ pieces: [[UInt8]], _ kinds: [Vocabulary.PieceKind]) throws {
    for (id, kind) in kinds.enumerated() where kind == .byte {
      guard ByteTokens.value(ofSpelling: pieces[id]) != nil else {
        throw input.damaged("byte token \(id) is \(quote(pieces[id])); expected <0x00> to <0xFF>")
      }
    }
  }

  // MARK: - Byte-level

  private func byteLevel() throws -> Vocabulary {
    let preTokenizer = try metadata.string("tokenizer.ggml.pre") ?? "default"
    guard preTokenizer == "smollm" else {
      throw input.damaged(
        "has the pre-tokenizer '\(preTokenizer)'; of tokenizers of model 'gpt2' only 'smollm' can be read"
      )
    }
    let written = try pieces()
    let kinds = try kinds(count: written.count)
    var pieces = written
    for id in written.indices where kinds[id] == .normal {
      guard let bytes = ByteLevelAlphabet.decode(written[id]) else {
        throw input.damaged(
          "token \(id) is \(quote(written[id])), which is not written in GPT-2's byte alphabet")
      }
      pieces[id] = bytes
    }
    try checkUnique(pieces, kinds)
    return Vocabulary(
      kind: .byteLevel, pieces: pieces, kinds: kinds, merges: try merges(of: pieces, kinds),
      bos: try required("bos", count: pieces.count, default: nil),
      eos: try required("eos", count: pieces.count, default: nil),
      unknown: try special("unknown", count: pieces.count),
      addsSpacePrefix: false)
  }

  /// The merges, `left right` each, as pairs of ids.
  private func merges(
    of pieces: [[UInt8]], _ kinds: [Vocabulary.PieceKind]
  ) throws -> [(left: TokenID, right: TokenID)] {
    let key = "tokenizer.ggml.merges"
    let texts = try metadata.strings(
      key, maxCount: Self.maxMerges, maxBytes: Self.maxPieceBytes * 2)
    guard let texts else { throw input.damaged("lacks metadata '\(key)'") }
    var ids: [[UInt8]: TokenID] = [:]
    for (id, piece) in pieces.enumerated() where kinds[id] == .normal { ids[piece] = TokenID(id) }
    return try texts.enumerated().map { rank, text in
      // The alphabet has no space, so the only one is between the two.
      let parts = text.split(separator: 0x20, omittingEmptySubsequences: false)
      guard parts.count == 2, let left = ByteLevelAlphabet.decode(parts[0]),
        let right = ByteLevelAlphabet.decode(parts[1])
      else {
        throw input.damaged("merge \(rank) is \(quote(text)); expected two pieces and one space")
      }
      guard let leftID = ids[left], let rightID = ids[right], ids[left + right] != nil else {
        throw input.damaged(
          "merge \(rank) is \(quote(text)); a piece of it is not in the vocabulary")
      }
      return (leftID, rightID)
    }
  }

  // MARK: - Parts of both

  private func pieces() throws -> [[UInt8]] {
    let key = "tokenizer.ggml.tokens"
    let pieces = try metadata.strings(
      key, maxCount: Vocabulary.maximumCount, maxBytes: Self.maxPieceBytes)
    guard let pieces else { throw input.damaged("lacks metadata '\(key)'") }
    guard !pieces.isEmpty else { throw input.damaged("has an empty vocabulary ('\(key)')") }
    return pieces
  }

  private func kinds(count: Int) throws -> [Vocabulary.PieceKind] {
    let key = "tokenizer.ggml.token_type"
    guard let types = try metadata.int32s(key, maxCount: Vocabulary.maximumCount) else {
      throw input.damaged("lacks metadata '\(key)'")
    }
    try checkCount(types.count, of: key, count)
    return try types.enumerated().map { id, type in
      guard let raw = UInt8(exactly: type), let kind = Vocabulary.PieceKind(rawValue: raw) else {
        throw input.damaged("token \(id) has type \(type); types are 1 to 6")
      }
      return kind
    }
  }

  private func checkCount(_ count: Int, of key: String, _ expected: Int) throws {
    guard count == expected else {
      throw input.damaged("'\(key)' has \(count) elements for a vocabulary of \(expected)")
    }
  }

  /// Checks that no two pieces that text can turn into are the same.
  private func checkUnique(_ pieces: [[UInt8]], _ kinds: [Vocabulary.PieceKind]) throws {
    var ids: [[UInt8]: Int] = [:]
    for (id, piece) in pieces.enumerated() where kinds[id] == .normal || kinds[id] == .byte {
      if let other = ids.updateValue(id, forKey: piece) {
        throw input.damaged("tokens \(other) and \(id) are both \(quote(piece))")
      }
    }
  }

  /// A special token's id, checked to be in the vocabulary; `nil` when the file names none.
  private func special(_ name: String, count: Int) throws -> TokenID? {
    let key = "tokenizer.ggml.\(name)_token_id"
    guard let id = try metadata.uint32(key) else { return nil }
    guard Int(id) < count else {
      throw input.damaged("\(key) is \(id); the vocabulary has \(count) tokens")
    }
    return TokenID(id)
  }

  private func required(_ name: String, count: Int, default standard: TokenID?) throws -> TokenID {
    if let id = try special(name, count: count) { return id }
    guard let standard, standard < count else {
      throw input.damaged("lacks metadata 'tokenizer.ggml.\(name)_token_id'")
    }
    return standard
  }

  private func quote(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix(40), as: UTF8.self)
    return bytes.count > 40 ? "\"\(text)…\"" : "\"\(text)\""
  }
}
