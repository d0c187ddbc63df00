import Foundation
import Testing

/// A program on a terminal of its own, driven like a person would: type, wait for text, look at the
/// terminal's modes.
///
/// The program leads a session whose controlling terminal is the pseudo-terminal, so that keys are
/// signals and resizing is noticed.
final class PseudoTerminal {
  /// How a program ended.
  enum Ending: Equatable {
    case exit(Int32)
    case signal(Int32)
  }

  /// Nothing here takes long; a wait this long means that it will not happen.
  static let patience = Duration.seconds(Program.isSanitized ? 600 : 60)

  /// POSIX_SPAWN_SETSID, which glibc's headers hide.
  #if os(Linux)
    private static let newSession: Int16 = 0x80
  #else
    private static let newSession = Int16(POSIX_SPAWN_SETSID)
  #endif

  let process: pid_t
  /// What the program writes to, to be removed after its end and not before.
  var home: AnyObject?
  private let master: Int32
  /// Kept open, so that the modes can be seen after the program's end.
  private let slave: Int32
  private var received: [UInt8] = []
  private var consumed = 0
  private var unsent: [UInt8] = []

  /// Starts `program` with exactly this environment.
  init(
    _ program: String, _ arguments: [String], environment: [String: String], columns: Int = 80,
    rows: Int = 24
  ) throws {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    var ends: (master: Int32, slave: Int32) = (-1, -1)
    // Tests run side by side, so the slave's name goes into a buffer of its own.
    var name = [CChar](repeating: 0, count: 256)
    guard openpty(&ends.master, &ends.slave, nil, nil, &size) == 0,
      ttyname_r(ends.slave, &name, name.count) == 0
    else { throw HarnessError(what: "no pseudo-terminal", code: errno) }
    (master, slave) = ends
    for end in [master, slave] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)

    process = try startProcess(
      [program] + arguments, environment: environment, flags: Self.newSession
    ) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
      posix_spawn_file_actions_adddup2(&actions, 0, 1)
      posix_spawn_file_actions_adddup2(&actions, 0, 2)
    }
  }

  deinit {
    // The whole session: a shell's jobs have process groups of their own, but the terminal's end
    // tells them.
    kill(process, SIGKILL)
    close(master)
    close(slave)
    waitpid(process, nil, 0)
  }

  // MARK: - Typing

  /// Types `keys`; long texts are taken as the program reads them.
  func type(_ keys: String) throws {
    unsent += Array(keys.utf8)
    let deadline = ContinuousClock.now + Self.patience
    while !unsent.isEmpty {
      guard ContinuousClock.now < deadline else {
        throw HarnessError(what: "the program does not read", code: 0)
      }
      let count = unsent.withUnsafeBytes { write(master, $0.baseAddress, min($0.count, 1024)) }
      if count > 0 { unsent.removeFirst(count) } else { receive(within: .milliseconds(10)) }
    }
  }

  /// Changes the terminal's size, which the program is told by a signal.
  func resize(columns: Int, rows: Int) {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  // MARK: - Waiting

  /// Waits until `text` appears after what earlier waits saw; escape sequences do not count.
  ///
  /// - Returns: What came before it.
  @discardableResult
  func expect(_ text: String) throws -> String {
    try wait(for: "\"\(text)\"") {
      let visible = Self.withoutEscapes(received[consumed...])
      guard let range = visible.text.firstRange(of: Array(text.utf8)) else { return nil }
      consumed = visible.offsets[range.upperBound - 1] + 1
      return String(decoding: visible.text[..<range.lowerBound], as: UTF8.self)
    }
  }

  /// Waits until the editor asks for a line: it then switches bracketed paste on.
  func expectPrompt() throws {
    _ = try wait(for: "a prompt") {
      let mark = Array("\u{1B}[?2004h".utf8)
      guard let range = received[consumed...].firstRange(of: mark) else { return nil }
      consumed = range.upperBound
      return ""
    }
    try expect("> ")
  }

  /// Waits until something is to be read after what earlier waits saw.
  func expectText() throws {
    _ = try wait(for: "text") {
      let visible = Self.withoutEscapes(received[consumed...])
      guard let index = visible.text.firstIndex(where: { $0 > 0x20 }) else { return nil }
      consumed = visible.offsets[index] + 1
      return ""
    }
  }

  /// Whether what was waited for last is of a line painted over again and again, whose end the terminal cuts.
  var isInProgressLine: Bool {
    let marks = received[..<consumed].ranges(of: Array("\u{1B}[?7".utf8))
    return marks.last.map { received[$0.upperBound] == UInt8(ascii: "l") } ?? false
  }

  /// Whether keys are kept for later and Ctrl-C is a signal: the model has its turn.
  var isBusy: Bool {
    var modes = termios()
    tcgetattr(slave, &modes)
    return modes.c_lflag & tcflag_t(ISIG | ICANON | ECHO) == tcflag_t(ISIG)
  }

  /// Waits until the model has its turn.
  func expectBusy() throws {
    try until("the busy modes") { isBusy }
  }

  /// Waits for `condition`, taking output meanwhile.
  func until(_ what: String, _ condition: () -> Bool) throws {
    _ = try wait(for: what) { condition() ? "" : nil }
  }

  private func wait(for what: String, _ condition: () -> String?) throws -> String {
    let deadline = ContinuousClock.now + Self.patience
    while true {
      if let result = condition() { return result }
      guard ContinuousClock.now < deadline else {
        let tail = String(decoding: received.suffix(600), as: UTF8.self)
        throw HarnessError(what: "no \(what) after \(tail.debugDescription)", code: 0)
      }
      receive(within: .milliseconds(20))
    }
  }

  /// Waits for the program's end.
  func ending() throws -> Ending {
    var ending: Ending?
    _ = try wait(for: "the end") {
      ending = endingIfOver()
      return ending == nil ? nil : ""
    }
    receive(within: .zero)
    guard let ending else { throw HarnessError(what: "no end", code: 0) }
    return ending
  }

  /// How the program ended, `nil` while it runs; to be asked until it says so, and not again.
  func endingIfOver() -> Ending? {
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    return status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
  }

  /// Everything received so far, escape sequences and all.
  var rawOutput: String { String(decoding: received, as: UTF8.self) }

  // MARK: - The terminal

  /// The terminal's modes as bytes, to be compared.
  var modes: [UInt8] {
    var modes = termios()
    tcgetattr(slave, &modes)
    return withUnsafeBytes(of: modes) { Array($0) }
  }

  private func receive(within time: Duration) {
    var waits = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard poll(&waits, 1, Int32(time / .milliseconds(1))) > 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = read(master, &buffer, buffer.count)
    if count > 0 { received += buffer.prefix(count) }
  }

  /// The bytes that show something, and where each came from.
  private static func withoutEscapes(
    _ bytes: ArraySlice<UInt8>
  ) -> (text: [UInt8], offsets: [Int]) {
    var text: [UInt8] = []
    var offsets: [Int] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      guard bytes[index] == 0x1B else {
        text.append(bytes[index])
        offsets.append(index)
        index += 1
        continue
      }
      index += 1
      guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "[") else {
        index += 1
        continue
      }
      index += 1
      while index < bytes.endIndex, !(0x40...0x7E).contains(bytes[index]) { index += 1 }
      index += 1
    }
    return (text, offsets)
  }
}

/// What the harness could not do or see.
struct HarnessError: Error, CustomStringConvertible {
  let what: String
  let code: Int32

  var description: String { code == 0 ? what : "\(what): \(String(cString: strerror(code)))" }
}
