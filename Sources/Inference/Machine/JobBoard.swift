import CKernels
import Foundation
import Synchronization

/// Where workers find chunks: one word tells which job is on, how many chunks it has, and which is next.
///
/// Safe to share: `body`, its one plain variable, is written between jobs and read during one, and the
/// word and the count of chunks done order the two. Mutex and condition are made for sharing.
final class JobBoard: @unchecked Sendable {
  /// generation (24 bits) | chunks (20 bits) | next chunk (20 bits).
  ///
  /// Claiming is one fetch-and-add, and a late claimer sees by the word alone that nothing is left. A
  /// generation that comes round again while a worker sleeps only lets it miss that one job.
  private let word = Atomic<UInt64>(0)
  private let done = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Workers with a higher index end.
  private let lastWorker = Atomic<Int>(.max)
  /// How many times to look for a new job before sleeping.
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

  private static let fieldBits: UInt64 = 20
  private static let fieldMask: UInt64 = (1 << fieldBits) - 1
  /// The most chunks of a job: late claims, one a worker, must not run over into the next field.
  private static let maximumChunks = 1 << 19

  /// The number of the current job.
  var generation: UInt64 { word.load(ordering: .acquiring) >> (2 * Self.fieldBits) }

  /// Begins a job; the one before must be done.
  func publish(chunks: Int, _ body: @escaping (Int, Int) -> Void) {
    precondition(chunks <= Self.maximumChunks, "too many chunks for one word")
    self.body = body
    done.store(0, ordering: .relaxed)
    word.store(
      (generation &+ 1) << (2 * Self.fieldBits) | UInt64(chunks) << Self.fieldBits,
      ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  /// Takes chunks until none is left.
  func work(thread: Int) {
    while true {
      let claim = word.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
      let chunk = claim & Self.fieldMask
      guard chunk < (claim >> Self.fieldBits) & Self.fieldMask else { return }
      perform(Int(chunk), thread)
      done.wrappingAdd(1, ordering: .releasing)
    }
  }

  /// Keeps the closure's retain and release inside, before the chunk counts as done.
  @inline(never)
  private func perform(_ chunk: Int, _ thread: Int) { body(chunk, thread) }

  /// Waits for the chunks that other threads have taken, and forgets the job's closure.
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
      let generation = word.load(ordering: .sequentiallyConsistent) >> (2 * Self.fieldBits)
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

  /// A sleeper counts itself before it looks at the word, so one that is not counted here sees the news.
  private func wakeSleepers() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
  }
}
