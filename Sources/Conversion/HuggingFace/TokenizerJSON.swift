import ModelFile
import Tokenization

/// `tokenizer.json` of the `tokenizers` library, as far as this program has the same algorithms: byte-level
/// BPE as SmolLM2 uses it, and SentencePiece's BPE in the form Llama-2 has there.
///
/// Anything else is refused by name, never approximated.
struct TokenizerJSON {
  /// The tokens that tokenizer_config.json names.
  struct SpecialNames {
    var bos: [UInt8]?
    var eos: [UInt8]?
    var unknown: [UInt8]?
  }

  /// A token beside the model's vocabulary.
  private struct AddedToken {
    var id: Int
    var content: [UInt8]
    var isSpecial: Bool
  }

  private let input: InputFile
  private let json: JSONValue
  private let added: [AddedToken]

  init(path: String) throws {
    let input = try InputFile(path: path)
    let json = try input.json()
    (self.input, self.json) = (input, json)
    added = try (json["added_tokens"]?.nonNull?.elements ?? []).map { token in
      guard let id = token["id"]?.int, let content = token["content"]?.bytes,
        0..<Vocabulary.maximumCount ~= id
      else {
        throw input.damaged("'added_tokens' has an entry without a sound 'id' and 'content'")
      }
      return AddedToken(id: id, content: content, isSpecial: token["special"]?.bool ?? false)
    }
  }

  /// The vocabulary.
  ///
  /// - Parameters:
  ///   - bos: The id of the beginning of a sequence; else the token of that name.
  ///   - eos: The same for its end.
  /// - Throws: ``ConversionError`` naming what is not supported or contradictory.
  func vocabulary(bos: TokenID?, eos: TokenID?, names: SpecialNames) throws -> Vocabulary {
    try checkModel()
    let pieces = try pieces()
    var ids: [[UInt8]: TokenID] = [:]
    for (id, piece) in pieces.enumerated() { ids[piece] = TokenID(id) }
    func id(_ given: TokenID?, _ candidates: [[UInt8]?], _ what: String) throws -> TokenID {
      let named = candidates.lazy.compactMap { $0 }.compactMap { ids[$0] }.first
      guard let id = given ?? named, Int(id) < pieces.count, id >= 0 else {
        throw input.damaged("nothing says which token is \(what)")
      }
      return id
    }
    let texts = { (names: [String]) in names.map { Optional(Array($0.utf8)) } }
    let bos = try id(bos, [names.bos] + texts(["<s>", "<|im_start|>"]), "bos")
    let eos = try id(eos, [names.eos] + texts(["</s>", "<|im_end|>"]), "eos")
    let unknown = (names.unknown ?? json["model"]?["unk_token"]?.bytes).flatMap { ids[$0] }
    let isByteLevel = steps(json["pre_tokenizer"]).contains { $0["type"]?.text == "ByteLevel" }
    return isByteLevel
      ? try byteLevel(pieces, ids, bos: bos, eos: eos, unknown: unknown)
      : try sentencePiece(pieces, ids, bos: bos, eos: eos, unknown: unknown)
  }

  /// Adds the tokens that a SentencePiece model of the same tokenizer does not have.
  ///
  /// - Parameter limit: Rows of the embedding; tokens beyond are ones the model never learnt.
  func appendAddedTokens(to vocabulary: inout Vocabulary, limit: Int) throws {
    for token in added.sorted(by: { $0.id < $1.id })
    where token.id >= vocabulary.count && token.id < limit {
      guard token.id == vocabulary.count else {
        throw input.damaged(
          "added token \(token.id) comes after token \(vocabulary.count - 1); ids must not have gaps"
        )
      }
      vocabulary.pieces.append(token.content)
      vocabulary.kinds.append(token.isSpecial ? .control : .userDefined)
      vocabulary.scores.append(0)
    }
  }

  // MARK: - Parts of both

  private func checkModel() throws {
    guard let model = json["model"], model.members != nil else {
      throw input.damaged("lacks 'model'; expected a tokenizer.json")
    }
    if let type = model["type"]?.text, type != "BPE" {
      throw input.damaged("is a tokenizer of type '\(type)'; only BPE is supported")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let bytes = model[key]?.bytes, !bytes.isEmpty {
        throw input.damaged("has '\(key)' \(model[key]?.summary ?? ""), which is not supported")
      }
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw input.damaged("has BPE dropout, which is not supported")
    }
    if model["ignore_merges"]?.bool == true {
      throw input.damaged("has 'ignore_merges', which is not supported; pass --tokenizer FILE")
    }
  }

  /// All tokens by id, added ones in their places.
  private func pieces() throws -> [[UInt8]] {
    guard let vocabulary = json["model"]?["vocab"]?.members, !vocabulary.isEmpty else {
      throw input.damaged("lacks 'model.vocab', an object of tokens and ids")
    }
    var byID: [Int: [UInt8]] = [:]
    for (piece, value) in vocabulary {
      guard let id = value.int, 0..<Vocabulary.maximumCount ~= id else {
        throw input.damaged("model.vocab: a token's id is \(value.summary)")
      }
      guard byID.updateValue(piece, forKey: id) == nil else {
        throw input.damaged("model.vocab: two tokens have the id \(id)")
      }
    }
    for token in added { byID[token.id] = token.content }
    return try (0..<byID.count).map { id in
      guard let piece = byID[id] else {
        throw input.damaged("model.vocab: no token has the id \(id); ids must not have gaps")
      }
      return piece
    }
  }

  /// The merges as pairs of tokens, written `"a b"` or `["a", "b"]`.
  private func merges(
    _ ids: [[UInt8]: TokenID]
  ) throws -> [(left: TokenID, right: TokenID, whole: TokenID)] {
    guard let merges = json["model"]?["merges"]?.elements else {
      throw input.damaged("lacks 'model.merges', an array of pairs")
    }
    return try merges.enumerated().map { rank, merge in
      let parts =
        merge.bytes.map {
          $0.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
        }
        ?? merge.elements?.compactMap(\.bytes) ?? []
      guard parts.count == 2 else {
        throw input.damaged("merge \(rank) is \(merge.summary); expected two tokens")
      }
      guard let left = ids[parts[0]], let right = ids[parts[1]],
        let whole = ids[parts[0] + parts[1]]
      else {
        throw input.damaged(
          "merge \(rank) is \(merge.summary); a token of it is not in the vocabulary")
      }
      return (left, right, whole)
    }
  }

  /// A normalizer or pre-tokenizer as its steps.
  private func steps(_ value: JSONValue?) -> [JSONValue] {
    guard let value = value?.nonNull else { return [] }
    guard value["type"]?.text == "Sequence" else { return [value] }
    return (value["normalizers"] ?? value["pretokenizers"])?.elements ?? []
  }

  private func kinds(_ count: Int) -> [Vocabulary.PieceKind] {
    var kinds = [Vocabulary.PieceKind](repeating: .normal, count: count)
    for token in added { kinds[token.id] = token.isSpecial ? .control : .userDefined }
    return kinds
  }

  private func unsupported(_ what: String, _ steps: [JSONValue]) -> ConversionError {
    let names = steps.map { $0["type"]?.text ?? "unknown" }.joined(separator: ", ")
    return input.damaged(
      "has the \(what) \(names.isEmpty ? "none" : names), which is not supported; pass --tokenizer FILE"
    )
  }

  // MARK: - Byte-level

  private func byteLevel(
    _ written: [[UInt8]], _ ids: [[UInt8]: TokenID], bos: TokenID, eos: TokenID, unknown: TokenID?
  ) throws -> Vocabulary {
    let before = steps(json["normalizer"])
    guard before.isEmpty else { throw unsupported("normalizer", before) }
    let splits = steps(json["pre_tokenizer"])
    guard splits.count == 2, splits[0]["type"]?.text == "Digits",
      splits[0]["individual_digits"]?.bool == true, splits[1]["type"]?.text == "ByteLevel",
      splits[1]["add_prefix_space"]?.bool == false, splits[1]["use_regex"]?.bool != false
    else { throw unsupported("pre-tokenizer", splits) }
    let kinds = kinds(written.count)
    let pieces = try written.enumerated().map { id, piece in
      guard kinds[id] == .normal else { return piece }
      guard let bytes = ByteLevelAlphabet.decode(piece) else {
        throw input.damaged("token \(id) is not written in GPT-2's byte alphabet")
      }
      return bytes
    }
    return Vocabulary(
      kind: .byteLevel, pieces: pieces, kinds: kinds,
      merges: try merges(ids).map { ($0.left, $0.right) }, bos: bos, eos: eos, unknown: unknown,
      addsSpacePrefix: false)
  }

  // MARK: - SentencePiece

  private func sentencePiece(
    _ pieces: [[UInt8]], _ ids: [[UInt8]: TokenID], bos: TokenID, eos: TokenID, unknown: TokenID?
  ) throws -> Vocabulary {
    guard json["model"]?["byte_fallback"]?.bool == true else {
      throw unsupported("pre-tokenizer", steps(json["pre_tokenizer"]))
    }
    var kinds = kinds(pieces.count)
    for (id, piece) in pieces.enumerated()
    where kinds[id] == .normal && ByteTokens.value(ofSpelling: piece) != nil {
      kinds[id] = .byte
    }
    if let unknown { kinds[Int(unknown)] = .unknown }
    // SentencePiece ranks pieces, not pairs: a piece's rank is that of the first merge that makes it.
    var scores = [Float](repeating: 0, count: pieces.count)
    var isRanked = Set<TokenID>()
    for merge in try merges(ids) where isRanked.insert(merge.whole).inserted {
      scores[Int(merge.whole)] = -Float(isRanked.count - 1)
    }
    return Vocabulary(
      kind: .sentencePiece, pieces: pieces, scores: scores, kinds: kinds, bos: bos, eos: eos,
      unknown: unknown, addsSpacePrefix: try addsSpacePrefix())
  }

  /// Whether a space is put before the text; spaces must become U+2581, and nothing else may happen.
  private func addsSpacePrefix() throws -> Bool {
    let space = Array("\u{2581}".utf8)
    let normalizers = steps(json["normalizer"])
    let splits = steps(json["pre_tokenizer"])
    func isReplacement(_ step: JSONValue) -> Bool {
      step["type"]?.text == "Replace" && step["pattern"]?["String"]?.bytes == [0x20]
        && step["content"]?.bytes == space
    }
    if splits.isEmpty {
      if normalizers.count == 1, isReplacement(normalizers[0]) { return false }
      if normalizers.count == 2, normalizers[0]["type"]?.text == "Prepend",
        normalizers[0]["prepend"]?.bytes == space, isReplacement(normalizers[1])
      {
        return true
      }
      throw unsupported("normalizer", normalizers)
    }
    // transformers 5 replaces spaces first, and doubles one at the start, which Metaspace would take for
    // its own.
    let isDoubled =
      normalizers.count == 2 && isReplacement(normalizers[0])
      && normalizers[1]["type"]?.text == "Replace"
      && normalizers[1]["pattern"]?["Regex"]?.bytes == Array("\\A".utf8) + space
      && normalizers[1]["content"]?.bytes == space + space
    guard normalizers.isEmpty || isDoubled else { throw unsupported("normalizer", normalizers) }
    guard splits.count == 1, splits[0]["type"]?.text == "Metaspace",
      splits[0]["replacement"]?.bytes == space, splits[0]["split"]?.bool == false
    else { throw unsupported("pre-tokenizer", splits) }
    switch splits[0]["prepend_scheme"]?.text {
    case "first", "always": return true
    case "never": return false
    default: throw unsupported("pre-tokenizer", splits)
    }
  }
}
