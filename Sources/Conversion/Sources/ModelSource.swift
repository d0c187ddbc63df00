import ModelFile
import Tokenization

/// A model in some file format: what it is, and its tensors as streams of fp32 rows.
///
/// Opening a source checks everything that needs no weight, so that reading can only fail on damaged
/// weights, on a file that changes meanwhile, or on the disk. A source is used by many threads at once.
protocol ModelSource: Sendable {
  /// Shape, metadata, vocabulary and warnings.
  var facts: SourceFacts { get }
  /// Every file that weights are read from.
  var files: [InputFile] { get }
  /// A tensor of the model, in the order of rows that model files have.
  ///
  /// `layer` is 0 for tensors outside the blocks; `nil` for what the layout of ``facts`` does not have.
  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor?
}

/// The kinds of source that can be told apart by looking.
public enum SourceKind: String, Sendable, CaseIterable {
  /// A `.gguf` file of architecture `llama`.
  case gguf
  /// A directory with `config.json` and safetensors or `pytorch_model*.bin` files.
  case huggingFace
  /// A directory with `params.json` and `consolidated.NN.pth` files.
  case meta
  /// A checkpoint of llama2.c's train.py (`ckpt.pt`).
  case torchCheckpoint
  /// A model file of llama2.c or of this program.
  case modelFile
  /// SentencePiece's `tokenizer.model` or a `tokenizer.json`, without a model.
  case tokenizer

  /// The kind in words: `a GGUF file`.
  public var summary: String {
    switch self {
    case .gguf: "a GGUF file"
    case .huggingFace: "a Hugging Face directory"
    case .meta: "a Meta directory"
    case .torchCheckpoint: "a llama2.c torch checkpoint"
    case .modelFile: "a model file"
    case .tokenizer: "a tokenizer"
    }
  }
}

/// What a source says of its model.
struct SourceFacts: Sendable {
  let kind: SourceKind
  /// The file or directory it was opened with.
  let path: String
  /// The model's shape.
  var config: ModelConfig
  /// What the header extension will say.
  var metadata: ModelMetadata
  /// The tokenizer; `nil` when the source has none.
  var vocabulary: Vocabulary?
  /// What the user should know although the model can be converted, one sentence each.
  var warnings: [String]
}

/// What is asked of a source besides what its files say.
public struct SourceOptions: Sendable {
  /// A tokenizer file instead of the source's own.
  public var tokenizer: String?
  /// The kind of chat template instead of the source's own.
  public var template: TemplateKind?
  /// The base of the rotary embedding's frequencies instead of the source's own.
  public var ropeTheta: Float?

  /// Nothing but what the files say.
  public init(
    tokenizer: String? = nil, template: TemplateKind? = nil, ropeTheta: Float? = nil
  ) {
    self.tokenizer = tokenizer
    self.template = template
    self.ropeTheta = ropeTheta
  }
}

extension SourceFacts {
  /// Puts the vocabulary's own numbers and what was asked for into the metadata, and checks the two
  /// against the shape.
  ///
  /// - Parameter hasTemplate: Whether the source has a chat template, known or not.
  /// - Throws: ``ConversionError`` when the vocabulary is larger than the embedding.
  mutating func complete(with options: SourceOptions, hasTemplate: Bool) throws {
    if let theta = options.ropeTheta { metadata.ropeTheta = theta }
    if let template = options.template { metadata.template = template }
    metadata.tokenizer = vocabulary?.kind
    metadata.tokenCount = vocabulary?.count ?? 0
    if let vocabulary {
      metadata.unknown = vocabulary.unknown
      guard vocabulary.count <= config.vocabSize else {
        throw ConversionError(
          place: options.tokenizer ?? path,
          reason: "has \(vocabulary.count) tokens for \(config.vocabSize) rows of the embedding",
          kind: .damagedFile)
      }
    } else if kind != .modelFile {
      warnings.append("has no tokenizer; pass --tokenizer FILE, or keep a tokenizer.bin at hand")
    }
    if metadata.template == nil, kind != .modelFile, kind != .torchCheckpoint {
      warnings.append(
        hasTemplate
          ? "the chat template is of an unknown kind; pass --template to chat"
          : "there is no chat template; pass --template to chat")
    }
  }
}
