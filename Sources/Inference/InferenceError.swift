import ModelFile

/// What can go wrong between token ids and logits.
public enum InferenceError: Failure, Hashable {
  /// More tokens than the cache has room for.
  case contextFull(needed: Int, capacity: Int)
  /// A token id outside the model's vocabulary.
  case unknownToken(id: Int32, vocabSize: Int)
  /// The thread count is out of range.
  case threadsOutOfRange(found: Int, maximum: Int)
  /// The system would not start enough threads.
  case threadsNotStarted(wanted: Int, got: Int)
  /// No such kernels on this processor.
  case unknownInstructionSet(name: String, available: [String])
  /// The KV cache does not fit into memory; `fitting` is a context that would.
  case cacheDoesNotFit(bytes: Int, available: Int, capacity: Int, fitting: Int)
  /// The scratch memory of a forward pass does not fit into memory.
  case workspaceDoesNotFit(bytes: Int, available: Int)
  /// The model produced a NaN or an infinity.
  case damagedLogits(position: Int)

  /// No file; an instruction set comes from the environment.
  public var place: String? {
    if case .unknownInstructionSet = self { "LLAMA_CHAT_ISA" } else { nil }
  }

  /// See ``Failure/reason``.
  public var reason: String {
    switch self {
    case .contextFull(let needed, let capacity):
      """
      needs \(SizeText.grouped(needed)) tokens; the context has \(SizeText.grouped(capacity)); \
      shorten the prompt
      """
    case .unknownToken(let id, let vocabSize):
      "token id \(id) is outside the model's vocabulary of \(vocabSize)"
    case .threadsOutOfRange(let found, let maximum):
      "threads must be 1…\(maximum), got \(found)"
    case .threadsNotStarted(let wanted, let got):
      "the system started only \(got) of \(wanted) threads; try --threads \(got)"
    case .unknownInstructionSet(let name, let available):
      "no \"\(name)\" kernels on this processor; available: \(available.joined(separator: ", "))"
    case .cacheDoesNotFit(let bytes, let available, let capacity, let fitting):
      """
      needs \(SizeText.bytes(bytes)) for a \(capacity)-token context; \
      \(SizeText.bytes(available)) free; try --ctx \(fitting)
      """
    case .workspaceDoesNotFit(let bytes, let available):
      """
      needs \(SizeText.bytes(bytes)) to compute in; \(SizeText.bytes(available)) free; \
      end other programs, or raise the limit (ulimit -v)
      """
    case .damagedLogits(let position):
      """
      model produced NaN or infinity at position \(position); damaged file? try inspect --verify; \
      or numbers too large for f16? try --kv f32
      """
    }
  }

  /// See ``Failure/kind``.
  public var kind: FailureKind {
    switch self {
    case .contextFull, .cacheDoesNotFit, .workspaceDoesNotFit: .doesNotFit
    case .threadsOutOfRange, .unknownInstructionSet: .usage
    case .unknownToken, .threadsNotStarted: .running
    case .damagedLogits: .damagedNumbers
    }
  }
}
