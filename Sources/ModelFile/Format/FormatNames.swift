extension CheckpointFormat {
  /// Version and weights in words: `v2, int8 in groups of 64`.
  public var summary: String {
    switch self {
    case .v0: "v0, fp32"
    case .v1: "v1, fp32"
    case .v2(let groupSize): "v2, int8 in groups of \(groupSize)"
    }
  }
}

extension TokenizerKind {
  /// The algorithm in words.
  public var summary: String {
    switch self {
    case .sentencePiece: "SentencePiece BPE"
    case .byteLevel: "byte-level BPE"
    }
  }
}

extension TemplateKind {
  /// The name options and listings use.
  public var name: String {
    switch self {
    case .none: "none"
    case .llama2: "llama2"
    case .chatML: "chatml"
    }
  }

  /// The template of that name; `nil` for an unknown one.
  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}
