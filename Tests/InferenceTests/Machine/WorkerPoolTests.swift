import Foundation
import ModelFile
import Testing

@testable import Inference

@Suite struct WorkerPoolTests {
  /// A counter per chunk that any thread may raise.
  ///
  /// Safe to share: all access is under the lock, one of the system's, which ThreadSanitizer knows.
  private final class Tally: @unchecked Sendable {
    private let lock = NSLock()
    private var counts: [Int]
    init(_ chunks: Int) { counts = Array(repeating: 0, count: chunks) }
    func add(_ chunk: Int) { lock.withLock { counts[chunk] += 1 } }
    var all: [Int] { lock.withLock { counts } }
  }

  @Test(arguments: [1, 2, 3, 8])
  func everyChunkRunsOnce(threads: Int) throws {
    let pool = try WorkerPool(threads: threads, processors: threads)
    for chunks in [0, 1, 2, 7, 64, 1000] {
      let tally = Tally(chunks)
      pool.run(chunks: chunks) { chunk, thread in
        #expect((0..<threads).contains(thread))
        tally.add(chunk)
      }
      #expect(tally.all.allSatisfy { $0 == 1 }, "\(chunks) chunks")
    }
  }

  @Test func manySmallJobsWhileResizing() throws {
    let pool = try WorkerPool(threads: 1, processors: 8)
    for round in 0..<400 {
      try pool.resize(threads: 1 + round % 5)
      #expect(pool.threads == 1 + round % 5)
      for chunks in [2, 5] {
        let tally = Tally(chunks)
        pool.run(chunks: chunks) { chunk, _ in tally.add(chunk) }
        #expect(tally.all.allSatisfy { $0 == 1 })
      }
    }
  }

  /// More threads than processors: those too many sleep, and do no harm.
  @Test(arguments: [1, 2])
  func noMoreThreadsWorkThanThereAreProcessors(processors: Int) throws {
    let pool = try WorkerPool(threads: 5, processors: processors)
    #expect(pool.threads == 5)
    for _ in 0..<200 {
      let tally = Tally(9)
      pool.run(chunks: 9) { chunk, thread in
        #expect((0..<processors).contains(thread))
        tally.add(chunk)
      }
      #expect(tally.all.allSatisfy { $0 == 1 })
    }
  }

  @Test func jobsAreDoneWhoeverWatches() throws {
    let pool = try WorkerPool(threads: 3, processors: 3)
    let tally = Tally(40)
    for _ in 0..<50 {
      pool.watched {
        for _ in 0..<40 { pool.run(chunks: 40) { chunk, _ in tally.add(chunk) } }
      }
    }
    #expect(tally.all == Array(repeating: 2000, count: 40))
    #expect(throws: Interrupted.self) { try pool.watched { throw Interrupted() } }
  }

  /// Long enough between jobs that the workers sleep, and must be woken.
  @Test func sleepingWorkersWake() throws {
    let pool = try WorkerPool(threads: 4, processors: 4)
    for _ in 0..<20 {
      let tally = Tally(16)
      pool.run(chunks: 16) { chunk, _ in tally.add(chunk) }
      #expect(tally.all == Array(repeating: 1, count: 16))
      clockSleep(milliseconds: 2)
    }
  }

  /// The system may have no thread to give.
  @Test(arguments: [2, 3, 5])
  func threadsThatCannotStartLeaveThePoolAsItWas(wanted: Int) throws {
    var left = 1
    let pool = try WorkerPool(threads: 2, processors: 8) { board, index in
      guard left > 0 else { return nil }
      left -= 1
      return WorkerPool.startThread(board, index)
    }
    for (threads, more) in [(wanted + 1, 0), (6, 2), (6, 0)] {
      left = more
      let error = #expect(throws: InferenceError.self) { try pool.resize(threads: threads) }
      #expect(error == .threadsNotStarted(wanted: threads, got: 2 + more))
      #expect(error?.kind == .running)
      #expect(pool.threads == 2)
      let tally = Tally(100)
      pool.run(chunks: 100) { chunk, _ in tally.add(chunk) }
      #expect(tally.all.allSatisfy { $0 == 1 })
    }
    left = 5
    try pool.resize(threads: 4)
    #expect(pool.threads == 4)
  }

  private func clockSleep(milliseconds: Int) {
    let end = ContinuousClock.now + .milliseconds(milliseconds)
    while ContinuousClock.now < end {}
  }
}
