#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread that takes no signals from outside: they belong to the thread that reads the terminal.
package struct BackgroundThread {
  private let handle: pthread_t

  /// What the thread is born with.
  private final class Body {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts it; `nil` when the system has no more threads.
  ///
  /// - Parameter stackSize: Bytes. Kernels keep up to half a megabyte there, which is all that some systems give.
  package init?(stackSize: Int = 4 << 20, _ run: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    guard pthread_attr_setstacksize(&attributes, stackSize) == 0 else { return nil }

    let body = Unmanaged.passRetained(Body(run))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let signals = HeldSignals()
    defer { signals.release() }
    let status = pthread_create(
      &thread, &attributes,
      { context in
        #if canImport(Darwin)
          let context = Optional(context)
        #endif
        guard let context else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
    #if canImport(Darwin)
      let started = status == 0 ? thread : nil
    #else
      let started: pthread_t? = status == 0 ? thread : nil
    #endif
    guard let started else {
      body.release()
      return nil
    }
    handle = started
  }

  /// Waits for its end; once.
  package func join() { pthread_join(handle, nil) }
}
