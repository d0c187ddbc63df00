import Foundation
import Inference
import Synchronization

/// Raised by Ctrl-C while the model reads or talks.
let interruptFlag = InterruptFlag()

/// What the program does when a signal arrives, by what it is doing at that moment.
///
/// Handlers touch atomics, the terminal's modes and a pipe, nothing else.
enum Signals {
  /// What the program is doing.
  enum Phase: Int {
    /// Loading, or not a conversation: signals end the program.
    case starting
    /// The line editor waits for keys.
    case typing
    /// The model reads or talks.
    case busy
    /// Something is half written: whatever asks the program to end raises the flag instead.
    case writing
    /// Another program has the terminal.
    case away
  }

  /// What happened while the editor waited.
  struct Pending: OptionSet {
    let rawValue: Int
    static let interrupted = Pending(rawValue: 1)
    static let resized = Pending(rawValue: 2)
    static let suspended = Pending(rawValue: 4)
    static let continued = Pending(rawValue: 8)
  }

  /// Readable when ``takePending()`` has something; -1 before ``install()``.
  static var wakeup: Int32 { pipeEnds.reading.load(ordering: .relaxed) }

  /// Installs the handlers; signals that the parent process ignores stay ignored.
  static func install() throws {
    // Whatever a handler uses is made before the first handler can run.
    interruptFlag.clear()
    enter(.starting)
    presses.store(0, ordering: .relaxed)
    request.store(SIGINT, ordering: .relaxed)
    pending.store(0, ordering: .relaxed)
    firstPress.store(0, ordering: .relaxed)
    stopped.store(0, ordering: .relaxed)
    TerminalModes.prepareForHandlers()
    try pipeEnds.open()
    handle(SIGINT) { Signals.interrupt(by: $0) }
    handle(SIGTSTP) { _ in Signals.suspend() }
    handle(SIGCONT) { _ in Signals.resume() }
    handle(SIGWINCH) { _ in Signals.wake(.resized) }
    for signal in [SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { handle(signal) { Signals.end(by: $0) } }
    // A file past its size limit is an error of the write.
    signal(SIGXFSZ, SIG_IGN)
    for signal in [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV] {
      handle(signal) { Signals.die(by: $0) }
    }
    handle(SIGBUS) { _ in Signals.reportLostFile() }
  }

  /// How long Ctrl-Z has kept the program from its work.
  static var timeStopped: Duration { .milliseconds(stopped.load(ordering: .relaxed)) }

  /// Says what the program does now.
  static func enter(_ next: Phase) {
    if next == .typing { presses.store(0, ordering: .relaxed) }
    phase.store(next.rawValue, ordering: .releasing)
  }

  /// Takes what happened since the last call.
  static func takePending() -> Pending {
    var bytes: (UInt64, UInt64) = (0, 0)
    while read(wakeup, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
    return Pending(rawValue: pending.exchange(0, ordering: .acquiringAndReleasing))
  }

  /// Ends the program by `signal`, as if it had not been handled, with the terminal restored.
  static func die(by signal: Int32) {
    TerminalModes.restore()
    deliver(signal)
  }

  /// Ends the program by the signal that raised the flag, after an ``Interrupted`` came through.
  static func endAsRequested() { die(by: request.load(ordering: .relaxed)) }

  /// Stops this process, as Ctrl-Z does; returns when it goes on.
  ///
  /// While ``Phase/typing`` it would only ask for that.
  static func stopProcess() { raise(SIGTSTP) }

  /// Stops the whole job, as the terminal does for Ctrl-Z outside of the editor: a parent that waits
  /// for us (make, a script) has to stop as well, or the shell would not come back.
  static func stopProcessGroup() {
    signal(SIGTSTP, SIG_IGN)
    kill(0, SIGTSTP)
    signal(SIGTSTP) { _ in Signals.suspend() }
    stopProcess()
  }

  // MARK: - Handlers

  private static let phase = Atomic<Int>(Phase.starting.rawValue)
  private static let pending = Atomic<Int>(0)
  private static let request = Atomic<Int32>(SIGINT)
  private static let presses = Atomic<Int>(0)
  private static let firstPress = Atomic<UInt64>(0)
  private static let stopped = Atomic<UInt64>(0)
  private static let pipeEnds = PipeEnds()

  private static var current: Phase {
    Phase(rawValue: phase.load(ordering: .acquiring)) ?? .starting
  }

  private static func interrupt(by signal: Int32) {
    switch current {
    case .starting, .writing: end(by: signal)
    case .typing: wake(.interrupted)
    case .busy: interruptWork()
    case .away: break
    }
  }

  /// Ends the program, or asks it to put away what it is writing and end by ``endAsRequested()``.
  private static func end(by signal: Int32) {
    guard current == .writing else { return die(by: signal) }
    request.store(signal, ordering: .relaxed)
    interruptFlag.raise()
  }

  /// Many presses at once are one request; whoever still presses after two seconds without an answer
  /// ends the program.
  private static func interruptWork() {
    interruptFlag.raise()
    let now = milliseconds()
    let count = presses.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
    if count == 1 {
      firstPress.store(now, ordering: .releasing)
    } else if count >= 3, now &- firstPress.load(ordering: .acquiring) > 2_000 {
      die(by: SIGINT)
    }
  }

  private static func milliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000 &+ UInt64(time.tv_nsec) / 1_000_000
  }

  private static func suspend() {
    guard current != .typing else { return wake(.suspended) }
    if current != .away { TerminalModes.restore() }
    let start = milliseconds()
    deliver(SIGTSTP)
    // Here again after SIGCONT.
    stopped.wrappingAdd(milliseconds() &- start, ordering: .relaxed)
    signal(SIGTSTP) { _ in Signals.suspend() }
    resume()
  }

  private static func resume() {
    switch current {
    case .busy: TerminalModes.enterBusy()
    case .typing: wake(.continued)
    case .starting, .writing, .away: break
    }
  }

  private static func wake(_ what: Pending) {
    pending.bitwiseOr(what.rawValue, ordering: .acquiringAndReleasing)
    var byte: UInt8 = 0
    _ = write(pipeEnds.writing.load(ordering: .relaxed), &byte, 1)
  }

  /// A page of the mapped model that cannot be read: the file was cut short or the disk failed.
  private static func reportLostFile() {
    TerminalModes.restore()
    let text: StaticString = """
      error: the model file became unreadable while in use (cut short, or a disk error)

      """
    _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    _exit(3)
  }

  private static func handle(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    let previous = signal(number, handler)
    if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
      signal(number, SIG_IGN)
    }
  }

  /// Gives a signal its default effect at once, on the calling thread.
  private static func deliver(_ number: Int32) {
    signal(number, SIG_DFL)
    var one = sigset_t()
    sigemptyset(&one)
    sigaddset(&one, number)
    var previous = sigset_t()
    pthread_sigmask(SIG_UNBLOCK, &one, &previous)
    raise(number)
    pthread_sigmask(SIG_SETMASK, &previous, nil)
  }
}

/// The pipe by which handlers wake the editor.
private final class PipeEnds: Sendable {
  let reading = Atomic<Int32>(-1)
  let writing = Atomic<Int32>(-1)

  func open() throws {
    guard reading.load(ordering: .relaxed) < 0 else { return }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(call: "pipe", code: errno) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    reading.store(ends[0], ordering: .relaxed)
    writing.store(ends[1], ordering: .relaxed)
  }
}
