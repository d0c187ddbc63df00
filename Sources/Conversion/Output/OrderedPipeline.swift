import Foundation
import ModelFile

/// Shares numbered pieces of work out among threads and hands the results over in order.
///
/// A ring of slots bounds what is in memory: a piece is begun only when its slot is free again.
///
/// Safe to share: all state is under the condition, and a slot belongs to one thread at a time.
final class OrderedPipeline<Slot: AnyObject>: @unchecked Sendable {
  private let pieces: Int
  private let slots: [Slot]
  private let condition = NSCondition()
  /// The next piece a thread may take.
  private var next = 0
  /// Pieces handed over.
  private var consumed = 0
  /// By slot: how its piece ended; `nil` while it is worked on.
  private var results: [Result<Void, any Error>?]
  private var isStopped = false
  private var threads: [BackgroundThread] = []

  /// Pieces are in slots, not on stacks.
  private static var stackSize: Int { 512 << 10 }

  /// - Parameter slots: One for each piece that may be in memory, more than there are threads.
  init(pieces: Int, slots: [Slot]) {
    self.pieces = pieces
    self.slots = slots
    results = Array(repeating: nil, count: slots.count)
  }

  /// Runs `produce` for every piece on `threads` threads, and `consume` for each in order on this one.
  ///
  /// - Throws: What `consume` throws, or the first error of `produce` in the order of pieces. All threads
  ///   have ended then.
  func run(
    threads: Int, produce: @escaping @Sendable (_ piece: Int, _ slot: Slot) throws -> Void,
    consume: (_ piece: Int, _ slot: Slot) throws -> Void
  ) throws {
    try start(max(1, threads), produce)
    defer { stop() }
    for piece in 0..<pieces {
      try waitForResult(of: piece).get()
      try consume(piece, slots[piece % slots.count])
      condition.withLock {
        results[piece % slots.count] = nil
        consumed += 1
        condition.broadcast()
      }
    }
  }

  private func waitForResult(of piece: Int) -> Result<Void, any Error> {
    condition.withLock {
      while true {
        if let result = results[piece % slots.count] { return result }
        condition.wait()
      }
    }
  }

  /// Starts threads, as many as there are to be had.
  ///
  /// - Throws: ``ConversionError`` when not even one can be started.
  private func start(
    _ count: Int, _ produce: @escaping @Sendable (Int, Slot) throws -> Void
  ) throws {
    for _ in 0..<count {
      let thread = BackgroundThread(stackSize: Self.stackSize) { [self] in work(produce) }
      if let thread { threads.append(thread) }
    }
    guard !threads.isEmpty else {
      throw ConversionError(
        place: nil, reason: "cannot start a thread; memory or the number of threads is limited",
        kind: .running)
    }
  }

  private func work(_ produce: @Sendable (Int, Slot) throws -> Void) {
    while let piece = take() {
      let slot = slots[piece % slots.count]
      let result = Result { try produce(piece, slot) }
      condition.withLock {
        results[piece % slots.count] = result
        condition.broadcast()
      }
    }
  }

  /// The next piece, once its slot is free; `nil` when there is no more to do.
  private func take() -> Int? {
    condition.withLock {
      while !isStopped, next < pieces, next >= consumed + slots.count { condition.wait() }
      guard !isStopped, next < pieces else { return nil }
      next += 1
      return next - 1
    }
  }

  private func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
    }
    for thread in threads { thread.join() }
    threads = []
  }
}
