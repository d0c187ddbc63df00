import ModelFile
import Tokenization

/// A model that says what it is told to say: after a question it goes from token to token along a given way, and ends.
///
/// Attention and feed-forward add nothing, so the last token alone decides: each token of the way has a dimension of its
/// own, and the next one's row of the classifier points along it.
public enum WalkingModel {
  /// A token of the way; no two may be the same.
  public enum Step: Hashable, Sendable {
    /// One byte, as the tokenizer writes what it has no piece for.
    case byte(UInt8)
    /// A piece of text.
    case text(String)

    fileprivate var bytes: [UInt8] {
      switch self {
      case .byte(let byte): [byte]
      case .text(let text): Array(text.utf8)
      }
    }
  }

  /// The bytes of all steps.
  public static func bytes(of steps: [Step]) -> [UInt8] { steps.flatMap(\.bytes) }

  /// Writes a self-contained model with Llama-2's template, whose every reply to a prompt is `steps`.
  public static func write(to path: String, saying steps: [Step]) throws {
    let plain = TinyVocabulary.sentencePiece()
    let (vocabulary, ids) = vocabulary(plain, with: steps)
    var metadata = ModelMetadata()
    metadata.tokenizer = vocabulary.kind
    metadata.tokenCount = vocabulary.count
    metadata.template = .llama2
    let dim = (steps.count + 64) / 64 * 64
    let config = ModelConfig(
      dim: dim, hiddenDim: 64, layers: 1, heads: 4, kvHeads: 4, vocabSize: vocabulary.count,
      contextLength: 512, sharedClassifier: false)

    // A prompt ends with "[/INST]".
    let end = vocabulary.pieces.firstIndex { $0 == Array("]".utf8) } ?? 0
    let way = [end] + ids
    let zeros = [Float](repeating: 0, count: vocabulary.count * dim)
    var (embedding, classifier) = (zeros, zeros)
    for (dimension, token) in way.enumerated() {
      let next = dimension + 1 < way.count ? way[dimension + 1] : Int(vocabulary.eos)
      embedding[token * dim + dimension] = 1
      classifier[next * dim + dimension] = 1
    }
    var weights: TinyModel.Weights = [.tokenEmbedding: [embedding], .classifier: [classifier]]
    for role in TensorRole.allCases where role != .ropeTables && weights[role] == nil {
      let (rows, columns) = role.shape(config)
      weights[role] = [Array(repeating: role.isNorm ? 1 : 0, count: rows * columns)]
    }
    let writer = try CheckpointWriter(
      path: path, config: config, format: .v1, metadata: metadata,
      tokenizerSection: vocabulary.section(), overwrite: true)
    try writer.append(weights)
    try writer.finish()
  }

  /// A vocabulary that has the steps' pieces too, and the steps' ids.
  private static func vocabulary(
    _ plain: Vocabulary, with steps: [Step]
  ) -> (Vocabulary, ids: [Int]) {
    var pieces = plain.pieces.indices.map { plain.pieces[$0] }
    var (scores, kinds) = (plain.scores, plain.kinds)
    var ids: [Int] = []
    for step in steps {
      switch step {
      // `<unk>`, `<s>` and `</s>` are before the bytes.
      case .byte(let byte): ids.append(3 + Int(byte))
      case .text(let text):
        ids.append(pieces.count)
        pieces.append(Array(text.utf8))
        scores.append(-1e6)
        kinds.append(.normal)
      }
    }
    let vocabulary = Vocabulary(
      kind: plain.kind, pieces: pieces, scores: scores, kinds: kinds, bos: plain.bos,
      eos: plain.eos, unknown: plain.unknown, addsSpacePrefix: true)
    return (vocabulary, ids)
  }
}
