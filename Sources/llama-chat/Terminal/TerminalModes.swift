import Foundation
import Synchronization

/// The terminal on standard input: the modes it came with, and the ones for while the model talks.
///
/// Everything here but ``save()`` may be called from a signal handler.
enum TerminalModes {
  /// Takes note of the modes to restore and makes sure that they are restored at exit; does nothing
  /// when standard input is not a terminal.
  static func save() {
    var original = termios()
    guard !isSaved.load(ordering: .acquiring), tcgetattr(STDIN_FILENO, &original) == 0 else {
      return
    }
    var busy = original
    busy.c_lflag &= ~tcflag_t(ICANON | ECHO)
    // Ctrl-C leaves what was typed ahead.
    busy.c_lflag |= tcflag_t(NOFLSH)
    busy.c_iflag &= ~tcflag_t(ICRNL | INLCR)
    withUnsafeMutableBytes(of: &busy.c_cc) {
      $0[Int(VMIN)] = 1
      $0[Int(VTIME)] = 0
    }
    pasteStream.store(-1, ordering: .releasing)
    storage.original.initialize(to: original)
    storage.busy.initialize(to: busy)
    isSaved.store(true, ordering: .releasing)
    atexit { TerminalModes.restore() }
  }

  /// Back to the modes of the shell, bracketed paste off; what was to go away by itself is gone.
  static func restore() {
    let passing = passingStream.exchange(-1, ordering: .acquiringAndReleasing)
    if passing >= 0 { send(erasure, to: passing) }
    let fd = pasteStream.load(ordering: .acquiring)
    if fd >= 0, marksPastes.exchange(false, ordering: .acquiringAndReleasing) {
      send(pasteOff, to: fd)
    }
    apply(storage.original)
  }

  /// Keys are kept for the next prompt instead of shown; Ctrl-C and Ctrl-Z still are signals.
  ///
  /// A process in the background leaves the terminal alone.
  static func enterBusy() {
    guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
    apply(storage.busy)
    let fd = pasteStream.load(ordering: .acquiring)
    if fd >= 0, !marksPastes.exchange(true, ordering: .acquiringAndReleasing) {
      send(pasteOn, to: fd)
    }
  }

  /// Asks the terminal behind `stream` to mark pasted text, from now on until ``restore()`` and again after
  /// ``enterBusy()``.
  static func enablePasteMarks(on stream: Int32) {
    pasteStream.store(stream, ordering: .releasing)
    marksPastes.store(true, ordering: .releasing)
    // Each time: whatever ran meanwhile may have switched it off.
    send(pasteOn, to: stream)
  }

  /// Says whether there is text from the cursor on that is to be seen for a moment only.
  static func notePassingText(on stream: Int32?) {
    passingStream.store(stream ?? -1, ordering: .releasing)
  }

  /// Makes what handlers use before the first of them can run: making it allocates, which they must not.
  static func prepareForHandlers() {
    _ = storage
    _ = isSaved.load(ordering: .relaxed)
    _ = pasteStream.load(ordering: .relaxed)
    _ = marksPastes.load(ordering: .relaxed)
    _ = passingStream.load(ordering: .relaxed)
  }

  // MARK: - Storage that a signal handler can reach

  /// Safe to share: written once, before `isSaved` says so, and only read from then on.
  private struct Storage: @unchecked Sendable {
    let original = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    let busy = UnsafeMutablePointer<termios>.allocate(capacity: 1)
  }

  private static let storage = Storage()
  private static let isSaved = Atomic<Bool>(false)
  private static let pasteStream = Atomic<Int32>(-1)
  /// Whether the terminal was last told to mark pastes.
  private static let marksPastes = Atomic<Bool>(false)
  /// Where text stands that will be erased again; -1 when there is none.
  private static let passingStream = Atomic<Int32>(-1)
  private static var erasure: StaticString { "\u{1B}[J" }
  private static var pasteOn: StaticString { "\u{1B}[?2004h" }
  private static var pasteOff: StaticString { "\u{1B}[?2004l" }

  private static func send(_ text: StaticString, to stream: Int32) {
    _ = write(stream, text.utf8Start, text.utf8CodeUnitCount)
  }

  /// SIGTTOU is held back, so that a background process is not stopped by its own clean-up.
  private static func apply(_ modes: UnsafeMutablePointer<termios>) {
    guard isSaved.load(ordering: .acquiring) else { return }
    var stop = sigset_t()
    var previous = sigset_t()
    sigemptyset(&stop)
    sigaddset(&stop, SIGTTOU)
    pthread_sigmask(SIG_BLOCK, &stop, &previous)
    tcsetattr(STDIN_FILENO, TCSADRAIN, modes)
    pthread_sigmask(SIG_SETMASK, &previous, nil)
  }
}
