import Foundation
import Synchronization

/// Persistent threads that share out the chunks of one job after another.
///
/// The caller works too, so `threads` counts it. Workers take chunks from an atomic counter; between
/// jobs they spin for some microseconds and then sleep, so that an idle program uses no processor time.
/// When other programs crowd the processors, the caller does without them for a while (``Crowding``).
/// Which thread does a chunk never matters to the result: chunks write disjoint outputs.
final class WorkerPool {
  private let board: JobBoard
  private var workers: [pthread_t] = []
  private var crowding = Crowding()
  /// How many times to look for a new job before sleeping.
  private var spinLimit: Int { threads <= Processors.available ? 4_000 : 0 }

  init(threads: Int) throws {
    board = JobBoard()
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
    board.admitAll()
    while workers.count < wanted - 1 {
      guard let thread = Worker.start(board, index: workers.count + 1) else {
        let got = workers.count + 1
        stopWorkers(keeping: before)
        throw InferenceError.threadsNotStarted(wanted: wanted, got: got)
      }
      workers.append(thread)
    }
    board.spinLimit.store(spinLimit, ordering: .relaxed)
    crowding = Crowding()
  }

  /// Calls `body(chunk, thread)` once for each chunk in `0..<chunks` and returns when all are done.
  ///
  /// `thread` is 0 for the caller and less than ``threads``; no two calls with the same thread number
  /// run at once. `body` runs on several threads at once and must write to disjoint memory.
  func run(chunks: Int, _ body: (_ chunk: Int, _ thread: Int) -> Void) {
    func runAlone() {
      for chunk in 0..<max(0, chunks) { body(chunk, 0) }
    }
    // Most steps of a single token end here: no clock is read for them.
    if workers.isEmpty || chunks <= 1 { return runAlone() }
    let start = ContinuousClock.now
    if crowding.isBetterAlone(at: start) { return runAlone() }
    withoutActuallyEscaping(body) { body in
      board.publish(chunks: chunks, body)
      board.work(thread: 0)
      let waiting = ContinuousClock.now
      board.waitUntilDone(chunks: chunks)
      let end = ContinuousClock.now
      crowding.note(
        job: start..<end, wait: end - waiting, processorTime: Self.processorTime)
    }
  }

  /// What the calling thread has had.
  private static func processorTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  private func stopWorkers(keeping kept: Int) {
    guard workers.count > max(0, kept) else { return }
    board.retire(keeping: max(0, kept))
    for thread in workers[max(0, kept)...] { pthread_join(thread, nil) }
    workers.removeSubrange(max(0, kept)...)
  }
}

/// What a worker thread is born with.
private final class Worker {
  let board: JobBoard
  let index: Int
  let generation: UInt64

  init(_ board: JobBoard, index: Int) {
    self.board = board
    self.index = index
    generation = board.generation
  }

  /// Starts a thread that takes no signals from outside: they belong to the thread that reads the
  /// terminal.
  ///
  /// Its own faults stay its own. Held back, they would end the process before any handler could say
  /// that the mapped file was cut short, and restore the terminal.
  static func start(_ board: JobBoard, index: Int) -> pthread_t? {
    var outside = sigset_t()
    var before = sigset_t()
    sigfillset(&outside)
    for fault in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGTRAP] { sigdelset(&outside, fault) }
    pthread_sigmask(SIG_SETMASK, &outside, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let worker = Unmanaged.passRetained(Worker(board, index: index))
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
    while let next = board.nextGeneration(after: seen, index: index) {
      seen = next
      board.work(thread: index)
    }
  }
}
