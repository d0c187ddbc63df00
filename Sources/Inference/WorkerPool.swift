import CKernels
import Foundation
import Synchronization

/// Persistent threads that share out the chunks of one job after another.
///
/// The caller works too, so `threads` counts it. Workers take chunks from an atomic counter; between
/// jobs they spin for some microseconds and then sleep, so that an idle program uses no processor time.
/// Which thread does a chunk never matters to the result: chunks write disjoint outputs.
final class WorkerPool {
  private let shared: SharedState
  private var workers: [pthread_t] = []
  /// How many times to look for a new job before sleeping.
  private var spinLimit: Int { threads <= Processors.available ? 20_000 : 0 }

  init(threads: Int) throws {
    shared = SharedState()
    try resize(threads: threads)
  }

  deinit { stopWorkers(keeping: 0) }

  /// Threads that share a job, the caller included.
  var threads: Int { workers.count + 1 }

  /// Starts or ends workers; not while a job runs.
  ///
  /// - Throws: ``InferenceError/threadsNotStarted(wanted:got:)``; the pool keeps the threads it had.
  func resize(threads wanted: Int) throws {
    let before = workers.count
    stopWorkers(keeping: wanted - 1)
    shared.admitAll()
    while workers.count < wanted - 1 {
      guard let thread = Worker.start(shared, index: workers.count + 1) else {
        let got = workers.count + 1
        stopWorkers(keeping: before)
        throw InferenceError.threadsNotStarted(wanted: wanted, got: got)
      }
      workers.append(thread)
    }
    shared.spinLimit.store(spinLimit, ordering: .relaxed)
  }

  /// Calls `body(chunk, thread)` once for each chunk in `0..<chunks` and returns when all are done.
  ///
  /// `thread` is 0 for the caller and less than ``threads``; no two calls with the same thread number
  /// run at once. `body` runs on several threads at once and must write to disjoint memory.
  func run(chunks: Int, _ body: (_ chunk: Int, _ thread: Int) -> Void) {
    if workers.isEmpty || chunks <= 1 {
      for chunk in 0..<max(0, chunks) { body(chunk, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      shared.publish(chunks: chunks, body)
      shared.work(thread: 0)
      shared.waitUntilDone(chunks: chunks)
    }
  }

  private func stopWorkers(keeping kept: Int) {
    guard workers.count > max(0, kept) else { return }
    shared.retire(keeping: max(0, kept))
    for thread in workers[max(0, kept)...] { pthread_join(thread, nil) }
    workers.removeSubrange(max(0, kept)...)
  }
}

/// The job board: one word tells which job is on, how many chunks it has and which is next.
private final class SharedState: @unchecked Sendable {
  /// generation (24 bits) | chunks (20 bits) | next chunk (20 bits).
  ///
  /// Claiming is one fetch-and-add,
  /// and a late claimer sees by the word alone that nothing is left.
  private let board = Atomic<UInt64>(0)
  private let done = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Workers with a higher index end.
  private let lastWorker = Atomic<Int>(.max)
  let spinLimit = Atomic<Int>(0)
  /// Read only by a thread that holds an unfinished chunk of the current job.
  private var body: (Int, Int) -> Void = { _, _ in }
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
  }

  deinit {
    pthread_cond_destroy(wake)
    pthread_mutex_destroy(mutex)
    wake.deallocate()
    mutex.deallocate()
  }

  static let fieldBits: UInt64 = 20
  static let fieldMask: UInt64 = (1 << fieldBits) - 1

  var generation: UInt64 { board.load(ordering: .acquiring) >> (2 * Self.fieldBits) }

  func publish(chunks: Int, _ body: @escaping (Int, Int) -> Void) {
    self.body = body
    done.store(0, ordering: .relaxed)
    board.store(
      (generation &+ 1) << (2 * Self.fieldBits) | UInt64(chunks) << Self.fieldBits,
      ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  /// Takes chunks until none is left.
  func work(thread: Int) {
    while true {
      let claim = board.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
      let chunk = claim & Self.fieldMask
      guard chunk < (claim >> Self.fieldBits) & Self.fieldMask else { return }
      perform(Int(chunk), thread)
      done.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Keeps the closure's retain and release inside, before the chunk counts as done.
  @inline(never)
  private func perform(_ chunk: Int, _ thread: Int) { body(chunk, thread) }

  func waitUntilDone(chunks: Int) {
    var looks = 0
    while done.load(ordering: .acquiring) < chunks {
      looks += 1
      if looks > 2_000 { sched_yield() } else { lck_spin_pause() }
    }
    body = { _, _ in }
  }

  /// Waits for a job newer than `seen`; returns its generation, or `nil` when worker `index` shall end.
  func nextGeneration(after seen: UInt64, index: Int) -> UInt64? {
    for _ in 0..<spinLimit.load(ordering: .relaxed) {
      let generation = generation
      if generation != seen { return generation }
      if index > lastWorker.load(ordering: .relaxed) { return nil }
      lck_spin_pause()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .relaxed) }
    while true {
      if index > lastWorker.load(ordering: .sequentiallyConsistent) { return nil }
      let generation = board.load(ordering: .sequentiallyConsistent) >> (2 * Self.fieldBits)
      if generation != seen { return generation }
      pthread_cond_wait(wake, mutex)
    }
  }

  /// Ends the workers with an index above `kept`; they must be joined before new ones start.
  func retire(keeping kept: Int) {
    lastWorker.store(kept, ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  /// Lets workers of any index live.
  func admitAll() { lastWorker.store(.max, ordering: .relaxed) }

  private func wakeSleepers() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
  }
}

/// What a worker thread is born with.
private final class Worker {
  let shared: SharedState
  let index: Int
  let generation: UInt64

  init(_ shared: SharedState, index: Int) {
    self.shared = shared
    self.index = index
    generation = shared.generation
  }

  /// Starts a thread that takes no signals: they belong to the thread that reads the terminal.
  static func start(_ shared: SharedState, index: Int) -> pthread_t? {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let worker = Unmanaged.passRetained(Worker(shared, index: index))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(
      &thread, nil,
      { context in
        #if canImport(Darwin)
          let context = Optional(context)
        #endif
        guard let context else { return nil }
        Unmanaged<Worker>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, worker.toOpaque())
    guard status == 0 else {
      worker.release()
      return nil
    }
    return thread
  }

  func run() {
    var seen = generation
    while let next = shared.nextGeneration(after: seen, index: index) {
      seen = next
      shared.work(thread: index)
    }
  }
}
