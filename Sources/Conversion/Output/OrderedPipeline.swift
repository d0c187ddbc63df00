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
  private var running = 0

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

  /// Starts threads that take no signals: those belong to the thread that shows progress.
  ///
  /// - Throws: ``ConversionError`` when not even one can be started.
  private func start(
    _ count: Int, _ produce: @escaping @Sendable (Int, Slot) throws -> Void
  ) throws {
    var outside = sigset_t()
    var before = sigset_t()
    sigfillset(&outside)
    for fault in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGTRAP] { sigdelset(&outside, fault) }
    pthread_sigmask(SIG_SETMASK, &outside, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var started = 0
    for _ in 0..<count {
      condition.withLock { running += 1 }
      if DetachedThread.start({ [self] in work(produce) }) {
        started += 1
      } else {
        condition.withLock { running -= 1 }
      }
    }
    guard started > 0 else {
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
    condition.withLock {
      running -= 1
      condition.broadcast()
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
      while running > 0 { condition.wait() }
    }
  }
}

/// A thread that nobody joins.
private final class DetachedThread {
  private let body: () -> Void

  private init(_ body: @escaping () -> Void) { self.body = body }

  /// Starts one; `false` when the system has none to give.
  static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 << 10)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = Unmanaged.passRetained(DetachedThread(body))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(
      &thread, &attributes,
      { context in
        #if canImport(Darwin)
          let context = Optional(context)
        #endif
        guard let context else { return nil }
        Unmanaged<DetachedThread>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, context.toOpaque())
    if status != 0 { context.release() }
    return status == 0
  }
}
