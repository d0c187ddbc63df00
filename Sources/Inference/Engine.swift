import CKernels
import Foundation
import ModelFile
import Tokenization

/// A model and what computes with it: token ids in, logits out.
///
/// One engine serves any number of ``KVCache``s, one call at a time. Not thread-safe. It computes on the
/// processors until ``use(_:)`` says otherwise.
public final class Engine {
  /// The weights.
  public let model: Model
  /// The processors' kernels: `scalar`, `avx2`, `avxvnni`, `avx512vnni`, `neon` or `neoni8mm`.
  public let instructionSet: String
  /// What computes.
  package private(set) var backend: any Backend

  /// The processors, for measuring them.
  let cpu: CPUBackend

  /// Prepares scratch memory and threads.
  ///
  /// - Parameters:
  ///   - threads: 1 … ``maximumThreads``.
  ///   - instructionSet: `nil` takes `LLAMA_CHAT_ISA` from the environment, else the fastest.
  /// - Throws: ``InferenceError`` for a thread count out of range, unknown kernels, threads that the system does not
  ///   start, and too little memory.
  public init(model: Model, threads: Int, instructionSet: String? = nil) throws {
    let environment = ProcessInfo.processInfo.environment["LLAMA_CHAT_ISA"]
    let kernels = try Self.kernels(named: instructionSet ?? environment)
    try Self.check(threads: threads)
    self.model = model
    self.instructionSet = String(cString: kernels.pointee.name)
    cpu = try CPUBackend(model: model, threads: threads, kernels: kernels)
    backend = cpu
  }

  /// Computes on a device from now on, or on the processors again.
  ///
  /// Caches made before stay with what they were made for: make new ones.
  ///
  /// - Parameter device: Made for this model; `nil` for the processors.
  package func use(_ device: (any Backend)?) { backend = device ?? cpu }

  /// Whether the processors compute.
  public var usesCPU: Bool { backend === cpu }
  /// What computes, as `--device` calls it.
  public var device: String { backend.name }
  /// Bytes of weights read to decode one token, as they are kept where they are used.
  public var bytesPerToken: Int { backend.bytesPerToken }

  /// The most tokens of one pass; between two passes threads can be changed.
  public var maximumBatch: Int { backend.maximumBatch }

  /// Room for the keys and values of `capacity` tokens, where this engine computes.
  ///
  /// - Throws: ``InferenceError`` when it does not fit there, or what a device reports.
  public func makeCache(capacity: Int, type: KVType = .f32) throws -> KVCache {
    try KVCache(config: model.config, capacity: capacity, type: type, backend: backend)
  }

  /// Worker threads, the caller's included; no more of them work at once than there are processors.
  ///
  /// On a device they wait.
  public var threads: Int { cpu.pool.threads }

  /// Changes the number of threads; model, cache and results stay the same.
  ///
  /// - Throws: ``InferenceError``; the engine keeps the threads it had.
  public func resize(threads: Int) throws {
    try Self.check(threads: threads)
    try cpu.pool.resize(threads: threads)
  }

  /// Reads tokens at the cache's end; the logits after the last of them, (vocabSize).
  ///
  /// Logits are valid until the next call. They are bit-identical whatever the number of threads, the
  /// way tokens are split over calls, and whether earlier tokens were read now or long ago.
  ///
  /// No tokens, or a cache made for a model of another shape or another device, are programmer errors and trap.
  ///
  /// - Parameters:
  ///   - interrupt: Polled between layers; the cache then keeps the tokens of the finished batches.
  ///   - progress: Called with the number of tokens read so far, after each layer of each batch: one that is
  ///     halfway through the layers counts half.
  /// - Throws: ``InferenceError`` before anything is read, or between layers when memory is short; ``Interrupted``,
  ///   what a device reports, and `ModelFileError` when the model file was changed, so that no token is ever drawn
  ///   from other weights than were opened.
  public func forward(
    _ tokens: some Collection<TokenID>, cache: KVCache, interrupt: InterruptFlag? = nil,
    progress: ((Int) -> Void)? = nil
  ) throws -> UnsafeBufferPointer<Float> {
    try read(tokens, cache: cache, interrupt: interrupt, progress: progress) {
      [backend] batch, beforeLayer in
      try backend.forward(batch, cache, wantsLogits: true, beforeLayer: beforeLayer)
    }
  }

  /// Reads tokens at the cache's end, and computes nothing but what the cache is to hold of them.
  ///
  /// As ``forward(_:cache:interrupt:progress:)`` but for the logits, which cost a pass over the classifier.
  public func fill(
    _ cache: KVCache, with tokens: some Collection<TokenID>, interrupt: InterruptFlag? = nil
  ) throws {
    try read(tokens, cache: cache, interrupt: interrupt) { [backend] batch, beforeLayer in
      _ = try backend.forward(batch, cache, wantsLogits: false, beforeLayer: beforeLayer)
    }
  }

  /// Reads tokens at the cache's end, and draws the one that follows.
  ///
  /// As ``forward(_:cache:interrupt:progress:)`` and ``Sampler/sample(_:count:position:)``; but where the sampler
  /// takes the most likely token, a device keeps the logits and says only which that is.
  ///
  /// - Parameter count: Of the logits, the sampler sees the first so many.
  /// - Throws: What both of them throw.
  public func draw(
    with sampler: inout Sampler, among count: Int, after tokens: some Collection<TokenID>,
    cache: KVCache, interrupt: InterruptFlag? = nil
  ) throws -> TokenID {
    let count = min(count, model.config.vocabSize)
    guard sampler.isGreedy else {
      let logits = try forward(tokens, cache: cache, interrupt: interrupt)
      return try sampler.sample(logits, count: count, position: cache.count)
    }
    let best = try read(tokens, cache: cache, interrupt: interrupt) {
      [backend] batch, beforeLayer in
      try backend.mostLikely(after: batch, cache, among: count, beforeLayer: beforeLayer)
    }
    guard best < count else { throw InferenceError.damagedLogits(position: cache.count) }
    return TokenID(best)
  }

  /// Reads tokens batch by batch, the last of them by `readLast`, whose result is returned.
  private func read<Result>(
    _ tokens: some Collection<TokenID>, cache: KVCache, interrupt: InterruptFlag?,
    progress: ((Int) -> Void)? = nil,
    readLast: (ArraySlice<TokenID>, _ beforeLayer: (Int) throws -> Void) throws -> Result
  ) throws -> Result {
    let tokens = Array(tokens)
    precondition(!tokens.isEmpty && cache.fits(model.config), "nothing to read, or a foreign cache")
    let vocabulary = 0..<Int32(clamping: model.config.vocabSize)
    if let id = tokens.first(where: { !vocabulary.contains($0) }) {
      throw InferenceError.unknownToken(id: id, vocabSize: vocabulary.count)
    }
    guard tokens.count <= cache.capacity - cache.count else {
      throw InferenceError.contextFull(
        needed: cache.count + tokens.count, capacity: cache.capacity)
    }
    var read = 0
    func beforeLayer(_ layer: Int, of batch: ArraySlice<TokenID>) throws {
      if interrupt?.isRaised == true { throw Interrupted() }
      if layer > 0 { progress?(read + batch.count * layer / model.config.layers) }
    }
    while tokens.count - read > backend.maximumBatch {
      let batch = tokens[read..<read + backend.maximumBatch]
      _ = try backend.forward(batch, cache, wantsLogits: false) {
        try beforeLayer($0, of: batch)
      }
      read = batch.endIndex
      progress?(read)
    }
    let result = try readLast(tokens[read...]) { try beforeLayer($0, of: tokens[read...]) }
    progress?(tokens.count)
    try model.checkpoint.checkUnchanged()
    return result
  }

  /// The most threads an engine takes: twice the processors this process may use.
  public static var maximumThreads: Int { 2 * Processors.available }

  /// The kernels this processor can run, fastest first.
  public static var instructionSets: [String] {
    sequence(state: 0) { index in
      defer { index += 1 }
      return lck_kernels_at(index).map { String(cString: $0.pointee.name) }
    }.map { $0 }
  }

  private static func check(threads: Int) throws {
    guard (1...maximumThreads).contains(threads) else {
      throw InferenceError.threadsOutOfRange(found: threads, maximum: maximumThreads)
    }
  }

  private static func kernels(named name: String?) throws -> UnsafePointer<lck_kernels> {
    guard let name, !name.isEmpty else { return lck_kernels_best() }
    guard let kernels = lck_kernels_named(name) else {
      throw InferenceError.unknownInstructionSet(name: name, available: instructionSets)
    }
    return kernels
  }
}
