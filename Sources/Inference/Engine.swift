import ModelFile
import Tokenization

/// A model, a thread pool and the scratch memory of one forward pass: token ids in, logits out.
///
/// One engine serves any number of ``KVCache``s, one call at a time. Not thread-safe.
public final class Engine {
  /// The weights.
  public let model: Model
  /// Worker threads in use, the caller's included.
  public private(set) var threads: Int
  /// The kernels in use: `scalar`, `avx2`, `avx512vnni` or `neon`.
  public var instructionSet: String { fatalError("skeleton") }

  /// Prepares scratch memory and threads.
  ///
  /// - Parameters:
  ///   - threads: 1 … ``maximumThreads``.
  ///   - instructionSet: `nil` takes `LLAMA_CHAT_ISA` from the environment, else the fastest.
  public init(model: Model, threads: Int, instructionSet: String? = nil) throws {
    self.model = model
    self.threads = threads
  }

  /// Changes the number of threads; model, cache and results stay the same.
  public func resize(threads: Int) throws {}

  /// Reads `tokens` at the cache's end and returns the logits after the last of them, (vocabSize),
  /// valid until the next call.
  ///
  /// Logits are bit-identical whatever the number of threads, the way tokens are split over calls, and
  /// whether earlier tokens were read now or long ago.
  ///
  /// - Parameters:
  ///   - interrupt: Polled between layers; when raised the call throws ``Interrupted`` and the cache keeps the tokens of the finished batches.
  ///   - progress: Called with the number of tokens read so far, after each batch.
  /// - Throws: ``InferenceError``, ``Interrupted``.
  public func forward(
    _ tokens: some Collection<TokenID>, cache: KVCache, interrupt: InterruptFlag? = nil,
    progress: ((Int) -> Void)? = nil
  ) throws -> UnsafeBufferPointer<Float> {
    fatalError("skeleton")
  }

  /// The most threads this process may use: processors allowed by affinity and cgroup quota.
  public static var maximumThreads: Int { fatalError("skeleton") }
}

/// Thrown when an ``InterruptFlag`` stopped the work; the cache is consistent.
public struct Interrupted: Error {
  /// The only value.
  public init() {}
}
