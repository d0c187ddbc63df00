#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Signals from outside that this thread does not take until they are released.
///
/// Threads and programs that are started meanwhile never take any: a Ctrl-C is for this program alone, though the
/// terminal sends it to all that run there.
///
/// A thread's own faults stay its own. Held back, they would end the process before any handler could say that the
/// mapped file was cut short, and restore the terminal.
package struct HeldSignals {
  private var before = sigset_t()

  package init() {
    var outside = sigset_t()
    sigfillset(&outside)
    for fault in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGTRAP] { sigdelset(&outside, fault) }
    pthread_sigmask(SIG_BLOCK, &outside, &before)
  }

  /// Takes those that came; on the same thread.
  package func release() {
    var before = before
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }
}
