import Foundation
import ModelFile
import Synchronization

/// Persistent threads that share out the chunks of one job after another.
///
/// The caller works too, so `threads` counts it. Workers take chunks from an atomic counter; between
/// jobs they spin for some microseconds and then sleep, so that an idle program uses no processor time.
/// No more threads share a job than there are processors, and fewer while other programs crowd those
/// (``Crowding``): threads that take turns on a processor only wait for each other.
/// Which thread does a chunk never matters to the result: chunks write disjoint outputs.
final class WorkerPool {
  private let board: JobBoard
  private let processors: Int
  private var workers: [BackgroundThread] = []
  private var crowding: Crowding
  /// Threads that share the next job; ``Crowding/active``, at hand.
  private var active = 1
  /// What is known of the stretch under watch; `nil` when nobody watches.
  private var watch: Watch?

  /// A stretch of jobs that follow each other without the caller waiting for anything else.
  private struct Watch {
    var mark: Crowding.Reading
    var jobsUntilLook = WorkerPool.jobsBetweenLooks
  }

  /// A look at the clock takes tens of nanoseconds, a job of a small model some thousands.
  private static let jobsBetweenLooks = 16

  /// Starts the worker of an index; `nil` when the system has no thread to give.
  typealias Start = (_ board: JobBoard, _ index: Int) -> BackgroundThread?
  private let start: Start

  /// - Parameters:
  ///   - processors: The most threads that work at once.
  ///   - start: Starts a worker; tests let it fail.
  init(
    threads: Int, processors: Int = Processors.available,
    start: @escaping Start = WorkerPool.startThread
  ) throws {
    board = JobBoard()
    self.start = start
    self.processors = processors
    crowding = Crowding(threads: 1)
    try resize(threads: threads)
  }

  deinit { stopWorkers(keeping: 0) }

  /// Starts a worker as a thread of the system.
  static func startThread(_ board: JobBoard, _ index: Int) -> BackgroundThread? {
    Worker.start(board, index: index)
  }

  /// Threads that share a job, the caller included.
  var threads: Int { workers.count + 1 }

  /// Starts or ends workers; not while a job runs.
  ///
  /// - Throws: ``InferenceError/threadsNotStarted(wanted:got:)``; the pool keeps the threads it had.
  func resize(threads wanted: Int) throws {
    defer {
      crowding = Crowding(threads: min(threads, processors))
      setActive(crowding.active)
    }
    let before = workers.count
    stopWorkers(keeping: wanted - 1)
    // Before they start: a thread that comes late to its first job must know whether it is meant.
    setActive(min(wanted, processors))
    board.admitAll()
    while workers.count < wanted - 1 {
      guard let thread = start(board, workers.count + 1) else {
        let got = workers.count + 1
        stopWorkers(keeping: before)
        throw InferenceError.threadsNotStarted(wanted: wanted, got: got)
      }
      workers.append(thread)
    }
  }

  /// Calls `body(chunk, thread)` once for each chunk in `0..<chunks` and returns when all are done.
  ///
  /// `thread` is 0 for the caller and less than ``threads``; no two calls with the same thread number
  /// run at once. `body` runs on several threads at once and must write to disjoint memory.
  func run(chunks: Int, _ body: (_ chunk: Int, _ thread: Int) -> Void) {
    if chunks <= 1 || active == 1 {
      for chunk in 0..<max(0, chunks) { body(chunk, 0) }
    } else {
      share(chunks, body)
    }
    if chunks > 1, watch != nil { look() }
  }

  private func share(_ chunks: Int, _ body: (_ chunk: Int, _ thread: Int) -> Void) {
    // The job lives on this stack: a job costs no memory of its own.
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: JobBoard.Job(body: body)) { job in
        board.publish(job, chunks: chunks)
        let own = board.work(thread: 0)
        guard own < chunks else { return }
        let wait = board.wait(forChunks: chunks - own)
        if wait > .zero { crowding.noteWait(wait) }
      }
    }
  }

  // MARK: - Crowding

  /// Does work whose jobs follow each other without a pause, watching for other programs meanwhile.
  func watched<Failure: Error>(_ work: () throws(Failure) -> Void) throws(Failure) {
    guard !workers.isEmpty else { return try work() }
    watch = Watch(mark: .now())
    defer {
      note()
      watch = nil
    }
    try work()
  }

  /// Once in some jobs, sees whether it is time to judge.
  private func look() {
    guard var watch else { return }
    watch.jobsUntilLook -= 1
    if watch.jobsUntilLook == 0 { watch.jobsUntilLook = Self.jobsBetweenLooks }
    self.watch = watch
    if watch.jobsUntilLook == Self.jobsBetweenLooks,
      ContinuousClock.now - watch.mark.time >= Crowding.stretch
    {
      note()
    }
  }

  /// Adds what was seen since the mark, and takes as many threads as that speaks for.
  private func note() {
    guard let mark = watch?.mark else { return }
    let now = Crowding.Reading.now()
    crowding.note(from: mark, to: now)
    watch?.mark = now
    if crowding.active != active { setActive(crowding.active) }
  }

  private func setActive(_ count: Int) {
    active = count
    board.setLastActive(count - 1)
  }

  private func stopWorkers(keeping kept: Int) {
    guard workers.count > max(0, kept) else { return }
    board.retire(keeping: max(0, kept))
    for thread in workers[max(0, kept)...] { thread.join() }
    workers.removeSubrange(max(0, kept)...)
  }
}

/// What a worker thread does until it is told to end.
private struct Worker: Sendable {
  let board: JobBoard
  let index: Int
  let generation: UInt64

  /// Starts a thread that works for `board`.
  static func start(_ board: JobBoard, index: Int) -> BackgroundThread? {
    let worker = Worker(board: board, index: index, generation: board.generation)
    return BackgroundThread { worker.run() }
  }

  func run() {
    var seen = generation
    while let next = board.nextGeneration(after: seen, index: index) {
      seen = next
      let chunks = board.work(thread: index)
      if chunks > 0 { board.report(chunks: chunks) }
    }
  }
}
