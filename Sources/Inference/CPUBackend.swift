import CKernels
import ModelFile
import Tokenization

/// Forward passes on this machine's processors.
///
/// Threads, kernels for the instruction set, and the scratch memory of one pass; weights stay in the mapped file.
final class CPUBackend: Backend {
  let pool: WorkerPool
  let transformer: Transformer

  init(model: Model, threads: Int, kernels: UnsafePointer<lck_kernels>) throws {
    pool = try WorkerPool(threads: threads)
    let operators = Operators(
      kernels: kernels, pool: pool, workspace: try Workspace(config: model.config),
      groupSize: model.weights.classifier.groupSize)
    transformer = Transformer(model: model, operators: operators)
  }

  let name = "cpu"
  let arithmetic: UInt32 = 0
  let launches = 0
  var maximumBatch: Int { Workspace.maximumBatch }
  var availableMemory: Int { SystemMemory.available() }

  var bytesPerToken: Int { transformer.model.bytesPerToken }

  func byteCount(of layout: KVLayout) -> Int { layout.byteCount }

  func makeMemory(for layout: KVLayout) -> (any KVMemory)? {
    HostMemory(byteCount: layout.byteCount)
  }

  func forward(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, wantsLogits: Bool,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> UnsafeBufferPointer<Float> {
    try pool.watched {
      try transformer.forward(tokens, cache, wantsLogits: wantsLogits, beforeLayer: beforeLayer)
    }
    return UnsafeBufferPointer(
      wantsLogits ? transformer.operators.workspace.logits : .init(start: nil, count: 0))
  }

  func mostLikely(
    after tokens: ArraySlice<TokenID>, _ cache: KVCache, among count: Int,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> Int {
    let logits = try forward(tokens, cache, wantsLogits: true, beforeLayer: beforeLayer)
    return Sampler.mostLikely(UnsafeBufferPointer(rebasing: logits[..<count]))
  }

  // MARK: - For measuring

  /// Reads `bytes` but for a few hundred at the end of each thread's consecutive part, and forgets them.
  func read(_ bytes: UnsafeRawBufferPointer) {
    let threads = pool.threads
    let share = bytes.count / threads / 64 * 64
    pool.run(chunks: threads) { part, _ in
      guard let start = bytes.baseAddress else { return }
      _ = lck_read(start + part * share, share)
    }
  }

  /// Multiplies and adds on every thread; how many times in all, if the kernels can.
  func multiplyAddInRegisters(rounds: Int) -> Int? {
    let kernels = transformer.operators.kernels.pointee
    guard let body = transformer.operators.groupSize == nil ? kernels.peak_f32 : kernels.peak_q80
    else { return nil }
    pool.run(chunks: pool.threads) { _, _ in _ = body(rounds) }
    return pool.threads * rounds * body(1)
  }

  /// A job of nothing, one chunk a thread.
  func shareOutNothing() { pool.run(chunks: pool.threads) { _, _ in } }
}
