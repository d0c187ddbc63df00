import CKernels
import ModelFile

/// The steps of a forward pass over a batch of tokens, spread over the pool's threads.
///
/// Arrays are row-major with one row a token. Work is split by output rows, tokens or heads; each output
/// is computed whole by one kernel call in a fixed order, so its bits depend on no split.
struct Operators {
  let kernels: UnsafePointer<lck_kernels>
  let pool: WorkerPool
  let workspace: Workspace
  /// Elements of an int8 group of the model's matrices; `nil` for fp32.
  let groupSize: Int?

  /// One token is done at once; a batch is shared out token by token.
  func forEachToken(_ tokens: Int, _ body: (Int) -> Void) {
    pool.run(chunks: tokens) { t, _ in body(t) }
  }
}
