/// Which algorithm turns text into token ids; the raw value is the byte in the file.
public enum TokenizerKind: UInt8, Sendable {
  /// SentencePiece byte-pair encoding with byte fallback (Llama-2).
  case sentencePiece = 1
  /// GPT-2-style byte-level byte-pair encoding with the `smollm` pre-tokenizer.
  case byteLevel = 2
}

/// Which chat template the model was trained with; the raw value is the byte in the file.
public enum TemplateKind: UInt8, Sendable, CaseIterable {
  /// No chat format: a base model.
  case none = 0
  /// `[INST] … [/INST]` with `<<SYS>>`, BOS and EOS per turn.
  case llama2 = 1
  /// `<|im_start|>role … <|im_end|>`.
  case chatML = 2
}

/// What the `LCX1` header extension says beyond llama2.c's header.
///
/// The defaults are what llama2.c hard-codes, so a file without the extension reads as this value
/// unchanged.
public struct ModelMetadata: Hashable, Sendable {
  /// Base of the rotary embedding's frequencies.
  public var ropeTheta: Float = 10000
  /// Added to the mean square in RMSNorm.
  public var normEpsilon: Float = 1e-5
  /// Beginning-of-sequence token id.
  public var bos: Int32 = 1
  /// End-of-sequence token id; ends a reply.
  public var eos: Int32 = 2
  /// A second token id that ends a reply.
  public var endOfTurn: Int32?
  /// Unknown-piece token id.
  public var unknown: Int32?
  /// The tokenizer appended to the file, when there is one.
  public var tokenizer: TokenizerKind?
  /// The chat template, when the file says.
  public var template: TemplateKind?
  /// Whether a text starts with BOS outside of a chat template.
  public var addsBOS = true
  /// Whether a ChatML model without a system prompt is told ``defaultSystem``.
  public var hasDefaultSystem = true
  /// Number of pieces of the tokenizer; 0 when unknown.
  public var tokenCount = 0
  /// Where the weights came from, for people; at most 48 bytes of UTF-8 are kept.
  public var sourceName = ""

  /// What the template of the SmolLM2 family tells the model when no system prompt is given.
  public static let defaultSystem =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

  /// llama2.c's defaults.
  public init() {}
}
