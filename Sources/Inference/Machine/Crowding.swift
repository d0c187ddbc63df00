/// Notices when other programs compete for the processors, and says when to do without workers.
///
/// Threads that take turns on a processor wait for each other job by job, and end up slower than one
/// thread alone. So stretches of work are watched: when the caller got clearly less of a processor than it
/// asked for, or waited for its workers most of the time, it works alone for a while, each time longer,
/// and then tries again.
struct Crowding {
  /// A moment, and the processor time the calling thread has had until then.
  struct Reading {
    var time: ContinuousClock.Instant
    var processorTime: Duration
  }

  /// Until when the caller does without workers.
  private var aloneUntil: ContinuousClock.Instant?
  /// How long it will be next time.
  private var nextSpell = Self.shortestSpell
  /// Where the stretch under watch began; `nil` between stretches.
  private var start: Reading?
  private var lastEnd: ContinuousClock.Instant?
  /// Time spent waiting for workers since ``start``.
  private var waited = Duration.zero

  private static let shortestSpell = Duration.milliseconds(20)
  private static let longestSpell = Duration.seconds(2)
  private static let stretch = Duration.milliseconds(10)
  /// A longer pause between jobs is the caller's own affair: it prints, or waits for the user.
  private static let pause = Duration.milliseconds(1)

  /// Whether a job that begins now is better done by the caller alone.
  mutating func isBetterAlone(at time: ContinuousClock.Instant) -> Bool {
    guard let end = aloneUntil else { return false }
    if time < end { return true }
    aloneUntil = nil
    start = nil
    return false
  }

  /// Takes note of a shared job.
  ///
  /// - Parameters:
  ///   - job: When it began and ended.
  ///   - wait: How much of it the caller waited for workers.
  ///   - processorTime: What the calling thread has had so far; asked for once in a while.
  mutating func note(
    job: Range<ContinuousClock.Instant>, wait: Duration, processorTime: () -> Duration
  ) {
    if let lastEnd, job.lowerBound - lastEnd > Self.pause { start = nil }
    lastEnd = job.upperBound
    guard let begun = start else {
      start = Reading(time: job.upperBound, processorTime: processorTime())
      waited = .zero
      return
    }
    waited += wait
    let time = job.upperBound - begun.time
    guard time >= Self.stretch else { return }

    let now = Reading(time: job.upperBound, processorTime: processorTime())
    let had = now.processorTime - begun.processorTime
    if had < time * 0.85 || waited > time * 0.5 {
      aloneUntil = now.time + nextSpell
      nextSpell = min(nextSpell * 2, Self.longestSpell)
    } else {
      nextSpell = max(nextSpell / 2, Self.shortestSpell)
    }
    start = now
    waited = .zero
  }
}
