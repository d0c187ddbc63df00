import CKernels
import Foundation
import Synchronization

/// Where workers find chunks: one word tells which job is on, how many chunks it has, and which is next.
///
/// Safe to share: everything in it is atomic, or made for sharing. What a job points to is read only by a
/// thread that holds an unfinished chunk of it.
final class JobBoard: @unchecked Sendable {
  /// What a job does with each chunk.
  struct Job {
    let body: (_ chunk: Int, _ thread: Int) -> Void
  }

  /// What the threads claim from.
  ///
  /// The job stands beside its word: who claims gets both in one transfer.
  private struct Claims: ~Copyable {
    /// generation (24 bits) | chunks (20 bits) | next chunk (20 bits).
    ///
    /// Claiming is one fetch-and-add, and a late claimer sees by the word alone that nothing is left. A
    /// generation that comes round again while a worker sleeps only lets it miss that one job.
    let word = Atomic<UInt64>(0)
    let job = Atomic<UnsafePointer<Job>?>(nil)
  }

  /// What is read often and changes with the number of threads only, or when a worker goes to sleep.
  private struct Attendance: ~Copyable {
    /// Workers with a higher index sleep until this changes.
    let lastActive = Atomic<Int>(.max)
    /// Workers with a higher index end.
    let lastWorker = Atomic<Int>(.max)
    let sleepers = Atomic<Int>(0)
  }

  private let claims = Apart(Claims())
  /// Chunks of the current job that workers have done.
  private let done = Apart(Atomic<Int>(0))
  private let attendance = Apart(Attendance())
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
  static let maximumChunks = 1 << 19
  /// How often to look, pausing, before others are let have the processor: tens of microseconds.
  private static let pauses = 2_000
  /// How often to let them before going to sleep.
  private static let yields = 50

  /// The number of the current job.
  var generation: UInt64 { claims.value.word.load(ordering: .acquiring) >> (2 * Self.fieldBits) }

  // MARK: - The caller's side

  /// Begins a job, which must stay where it is until it is done; the one before must be done.
  func publish(_ job: UnsafePointer<Job>, chunks: Int) {
    precondition(chunks <= Self.maximumChunks, "too many chunks for one word")
    claims.value.job.store(job, ordering: .relaxed)
    done.value.store(0, ordering: .relaxed)
    let next = claims.value.word.load(ordering: .relaxed) >> (2 * Self.fieldBits) &+ 1
    claims.value.word.store(
      next << (2 * Self.fieldBits) | UInt64(chunks) << Self.fieldBits,
      ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  /// Waits until workers have done `chunks` of the current job.
  ///
  /// - Returns: How long that took when it was long, else zero: a short wait costs no look at a clock.
  func wait(forChunks chunks: Int) -> Duration {
    for _ in 0..<Self.pauses {
      if done.value.load(ordering: .acquiring) >= chunks { return .zero }
      lck_spin_pause()
    }
    let start = ContinuousClock.now
    while done.value.load(ordering: .acquiring) < chunks { sched_yield() }
    return ContinuousClock.now - start
  }

  /// Sends workers with an index above `last` to sleep, and calls the others.
  func setLastActive(_ last: Int) {
    attendance.value.lastActive.store(last, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// Ends the workers with an index above `kept`; they must be joined before new ones start.
  func retire(keeping kept: Int) {
    attendance.value.lastWorker.store(kept, ordering: .sequentiallyConsistent)
    wakeAll()
  }

  /// Lets workers of any index live.
  func admitAll() { attendance.value.lastWorker.store(.max, ordering: .relaxed) }

  /// A sleeper counts itself before it looks for news, so one that is not counted here sees them.
  private func wakeSleepers() {
    if attendance.value.sleepers.load(ordering: .sequentiallyConsistent) > 0 { wakeAll() }
  }

  private func wakeAll() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
  }

  // MARK: - Every thread's side

  /// Takes chunks until none is left; returns how many it was.
  func work(thread: Int) -> Int {
    guard let first = claim() else { return 0 }
    return perform(from: first, thread)
  }

  private func claim() -> Int? {
    let claim = claims.value.word.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
    let chunk = claim & Self.fieldMask
    return chunk < (claim >> Self.fieldBits) & Self.fieldMask ? Int(chunk) : nil
  }

  /// Not inlined, so that the job is let go of before its chunks count as done.
  @inline(never)
  private func perform(from first: Int, _ thread: Int) -> Int {
    guard let job = claims.value.job.load(ordering: .relaxed)?.pointee else { return 0 }
    var count = 0
    var next: Int? = first
    while let chunk = next {
      job.body(chunk, thread)
      count += 1
      next = claim()
    }
    return count
  }

  // MARK: - The workers' side

  /// Waits for a job newer than `seen`; returns its generation, or `nil` when worker `index` shall end.
  func nextGeneration(after seen: UInt64, index: Int) -> UInt64? {
    for look in 0..<Self.pauses + Self.yields {
      // First of all: a job that came up meanwhile is not for those who are not wanted.
      if isUnwanted(index) { break }
      let generation = generation
      if generation != seen { return generation }
      if look < Self.pauses { lck_spin_pause() } else { sched_yield() }
    }
    return sleep(after: seen, index: index)
  }

  /// Says that a worker has done `chunks` of the current job.
  func report(chunks: Int) { done.value.wrappingAdd(chunks, ordering: .releasing) }

  /// Whether a worker shall sleep or end, whatever there is to do.
  private func isUnwanted(_ index: Int) -> Bool {
    index > attendance.value.lastActive.load(ordering: .relaxed)
      || index > attendance.value.lastWorker.load(ordering: .relaxed)
  }

  private func sleep(after seen: UInt64, index: Int) -> UInt64? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if index > attendance.value.lastWorker.load(ordering: .sequentiallyConsistent) { return nil }
      let isActive = index <= attendance.value.lastActive.load(ordering: .sequentiallyConsistent)
      // Those who are not wanted for jobs are not to be woken for each of them.
      if isActive { attendance.value.sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent) }
      defer { if isActive { attendance.value.sleepers.wrappingSubtract(1, ordering: .relaxed) } }
      let word = claims.value.word.load(ordering: .sequentiallyConsistent)
      let generation = word >> (2 * Self.fieldBits)
      if isActive, generation != seen { return generation }
      pthread_cond_wait(wake, mutex)
    }
  }
}

/// A value with no other on its cache lines, so that threads that use those do not slow down its own.
///
/// 128 bytes, because processors fetch lines of 64 in pairs, and Apple's are that long.
private struct Apart<Value: ~Copyable>: ~Copyable {
  private typealias Lines = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  private let before: (Lines, Lines) = ((0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0))
  let value: Value
  private let after: (Lines, Lines) = ((0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0))

  init(_ value: consuming Value) { self.value = value }
}
