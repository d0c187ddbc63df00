import Synchronization

/// Says "stop" from a signal handler or another thread; polled by the engine between layers.
public final class InterruptFlag: Sendable {
  private let raised = Atomic<Bool>(false)

  /// A flag that is down.
  public init() {}

  /// Asks for a stop; safe in a signal handler.
  public func raise() { raised.store(true, ordering: .releasing) }
  /// Takes the request back, before new work.
  public func clear() { raised.store(false, ordering: .releasing) }
  /// Whether a stop is asked for.
  public var isRaised: Bool { raised.load(ordering: .acquiring) }
}

/// Thrown when an ``InterruptFlag`` stopped the work; the cache is consistent.
public struct Interrupted: Error {
  /// The only value.
  public init() {}
}
