import Foundation

/// Notices when other programs compete for the processors, and says with how many threads to go on.
///
/// Threads that take turns on a processor wait for each other job by job, and end up slower than fewer
/// threads would be. So stretches of work are watched: when the caller got clearly less of a processor
/// than it asked for, or waited too long for its workers, one thread less works for a while, each time
/// longer, and then one more is tried again.
struct Crowding {
  /// A moment, and the processor time the calling thread has had until then.
  struct Reading {
    var time: ContinuousClock.Instant
    var processorTime: Duration

    /// Of this moment.
    static func now() -> Reading {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Reading(
        time: .now, processorTime: .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
    }
  }

  /// The threads that should work, 1 … `threads`.
  private(set) var active: Int
  /// The most there are.
  private let threads: Int
  /// When to try one more.
  private var nextTrial: ContinuousClock.Instant?
  /// Whether the last one added has yet to prove itself.
  private var isTrial = false
  /// How long to do without it if it does not.
  private var spell = Self.shortestSpell

  // The stretch so far.
  private var time = Duration.zero
  private var had = Duration.zero
  private var waited = Duration.zero

  private static let shortestSpell = Duration.milliseconds(20)
  private static let longestSpell = Duration.seconds(2)
  /// Time enough to judge by: the scheduler's turns are some milliseconds long.
  static let stretch = Duration.milliseconds(10)

  /// Begins with all threads.
  init(threads: Int) {
    self.threads = threads
    active = threads
  }

  /// Takes note that the caller waited for its workers.
  mutating func noteWait(_ wait: Duration) { waited += wait }

  /// Takes note of a time in which the caller had work all along, and judges when it is long enough.
  mutating func note(from start: Reading, to end: Reading) {
    time += end.time - start.time
    had += end.processorTime - start.processorTime
    guard time >= Self.stretch else { return }
    judge(at: end.time)
    (time, had, waited) = (.zero, .zero, .zero)
  }

  private mutating func judge(at now: ContinuousClock.Instant) {
    // With all threads at work, n of them gain at most what one of n waits away; memory lets them gain less.
    let isCrowded = had < time * 0.85 || waited > time * (0.7 / Double(active))
    if isCrowded, active > 1 {
      active -= 1
      nextTrial = now + spell
      spell = min(spell * 2, Self.longestSpell)
      isTrial = false
      return
    }
    if isTrial || active == threads {
      spell = max(spell / 2, Self.shortestSpell)
      isTrial = false
    }
    if active < threads, nextTrial.map({ now >= $0 }) ?? true {
      active += 1
      isTrial = true
    }
  }
}
