import Foundation
import Inference
import ModelFile
import TestSupport

@testable import Tokenization

extension Target {
  /// A model file: opened, verified and, when it is sound, run.
  static let model = Target {
    let section = try TinyVocabulary.sentencePiece().section()
    var metadata = ModelMetadata()
    metadata.tokenizer = .sentencePiece
    metadata.tokenCount = TinyVocabulary.count
    var wide = SmallModel.config
    wide.vocabSize = TinyVocabulary.count
    var chatty = wide
    chatty.contextLength = 512
    var separate = SmallModel.config
    separate.sharedClassifier = false
    return [
      "v0": try SmallModel.bytes(.v0), "v0-separate": try SmallModel.bytes(.v0, config: separate),
      "v1": try SmallModel.bytes(.v1), "v2": try SmallModel.bytes(.v2(groupSize: 8)),
      "v2-straddling": try SmallModel.bytes(.v2(groupSize: 4), config: separate),
      "extended": try SmallModel.bytes(.v2(groupSize: 8), writesExtension: true),
      // Large enough a context to chat with: what `make strace` traces.
      "chat": try SmallModel.bytes(
        .v2(groupSize: 4), config: chatty, section: section, metadata: metadata,
        writesExtension: true),
      "self-contained": try SmallModel.bytes(
        .v2(groupSize: 8), config: wide, section: section, metadata: metadata,
        writesExtension: true),
    ]
  } run: { input in
    var failure: (any Error)?
    do { try use(model: input) } catch { failure = error }
    if input.count >= 256, input[64..<68].elementsEqual("LCX1".utf8) {
      // The checksum hides the fields behind it from mutation.
      var sealed = input
      sealed.put(CRC32.checksum(sealed[..<252]), at: 252)
      try use(model: sealed)
    }
    if let failure { throw failure }
  }

  private static func use(model bytes: [UInt8]) throws {
    let checkpoint = try Checkpoint(path: Scratch.file("model.bin", bytes))
    require(checkpoint.layout.weightsEnd <= bytes.count, "tensors end past the file")
    if checkpoint.tokenizerSection != nil {
      let vocabulary = try Vocabulary.resolve(for: checkpoint, override: nil)
      require(vocabulary.count <= checkpoint.config.vocabSize, "more tokens than the model has")
    }
    try run(checkpoint)
    try checkpoint.verify()
  }

  /// Reads three tokens and draws one: finite numbers, or an error that says where.
  private static func run(_ checkpoint: Checkpoint) throws {
    let engine = try Engine(model: Model(checkpoint: checkpoint), threads: 1)
    let cache = try KVCache(config: checkpoint.config, capacity: 4)
    let last = Int32(checkpoint.config.vocabSize - 1)
    let logits = try engine.forward([0, last, last / 2], cache: cache)
    var sampler = Sampler(temperature: 0.7, topP: 0.9, seed: 1)
    let token = try sampler.sample(logits, count: logits.count, position: cache.count)
    require((0...last).contains(token), "token \(token) is drawn")
    require(logits.allSatisfy(\.isFinite), "a token is drawn from NaN or infinity")
  }

  /// The tokenizer section of a model file.
  static let section = Target {
    [
      "sentencepiece": try TinyVocabulary.sentencePiece().section(),
      "byte-level": try TinyVocabulary.chatML().section(), "small": try smallVocabulary.section(),
    ]
  } run: { input in
    var failure: (any Error)?
    do { try use(section: input) } catch { failure = error }
    var sealed = input
    sealed.sealEnd()
    try use(section: sealed)
    if let failure { throw failure }
  }

  private static func use(section bytes: [UInt8]) throws {
    try exercise(try bytes.withUnsafeBytes { try Vocabulary(section: $0) })
  }

  /// A vocabulary of few pieces and all kinds.
  static let smallVocabulary = Vocabulary(
    kind: .sentencePiece,
    pieces: ["<unk>", "<s>", "</s>", "<0x0A>", "\u{2581}", "a", "b", "ab", "\u{2581}ab", "<user>"]
      .map { Array($0.utf8) }, scores: [0, 0, 0, 0, -1, -2, -3, -4, -5, 0],
    kinds: [
      .unknown, .control, .control, .byte, .normal, .normal, .normal, .unused, .normal,
      .userDefined,
    ], bos: 1, eos: 2, unknown: 0, addsSpacePrefix: true)

  /// Uses a vocabulary in every way there is.
  static func exercise(_ vocabulary: Vocabulary) throws {
    let tokenizer = try vocabulary.makeTokenizer()
    let text = "Hello  w\u{F6}rld \u{1F999} <s>ab ab<user>\n\u{0} it's 12"
    for id in tokenizer.encode(text) {
      require(id >= 0 && Int(id) < vocabulary.count, "id \(id) of \(vocabulary.count)")
    }
    let ids = (-1...min(600, TokenID(vocabulary.count)))
    _ = tokenizer.decode(ids, stripsLeadingSpace: true)
    let again = try vocabulary.section().withUnsafeBytes { try Vocabulary(section: $0) }
    require(
      again.pieces == vocabulary.pieces && again.kinds == vocabulary.kinds
        && again.scores.elementsEqual(vocabulary.scores), "the section is read back as another")
    // A format may have no room for a vocabulary, and says so.
    do { _ = try vocabulary.tokenizerBin() } catch is TokenizerError {}
    do { _ = try vocabulary.sentencePieceModel() } catch is TokenizerError {}
  }

  /// llama2.c's tokenizer.bin.
  static let tokenizerBin = Target {
    [
      "whole": try TinyVocabulary.sentencePiece().tokenizerBin(),
      "small": try smallVocabulary.tokenizerBin(),
    ]
  } run: { input in
    try exercise(Vocabulary(path: Scratch.file("tokenizer.bin", input)))
  }

  /// SentencePiece's tokenizer.model.
  static let tokenizerModel = Target {
    var small = smallVocabulary
    small.kinds[3] = .normal
    return [
      "whole": try TinyVocabulary.sentencePiece().sentencePieceModel(),
      "small": try small.sentencePieceModel(),
    ]
  } run: { input in
    try exercise(Vocabulary(path: Scratch.file("tokenizer.model", input)))
  }
}
