import Foundation

/// Keys from the terminal, and what signals ask for in between.
final class EditorInput {
  /// What the editor waits for.
  enum Event {
    case key(Key)
    case signals(Signals.Pending)
    case end
  }

  private let stream: Int32
  private var decoder = KeyDecoder()
  private var keys: [Key] = []
  private var ended = false

  /// How long to wait for the rest of an escape sequence before it is a lone Escape.
  private static let escapeTimeout: Int32 = 50
  /// How long to wait for the rest of a paste.
  private static let pasteTimeout: Int32 = 1000

  /// Keys from `stream`, a terminal.
  init(stream: Int32) { self.stream = stream }

  /// Waits for the next event.
  func next() -> Event {
    while true {
      if !keys.isEmpty { return .key(keys.removeFirst()) }
      if ended { return .end }
      var waits = [
        pollfd(fd: stream, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Signals.wakeup, events: Int16(POLLIN), revents: 0),
      ]
      let timeout =
        !decoder.isMidway ? -1 : decoder.isInPaste ? Self.pasteTimeout : Self.escapeTimeout
      let ready = poll(&waits, nfds_t(waits.count), timeout)
      if ready == 0 { keys += decoder.timeOut() }
      if waits[1].revents != 0 {
        let pending = Signals.takePending()
        if !pending.isEmpty { return .signals(pending) }
      }
      if ready > 0, waits[0].revents != 0 { receive() }
      if ready < 0, errno != EINTR { ended = true }
    }
  }

  /// Takes the keys typed while the model was talking; Ctrl-D among them is left out, because it was
  /// not meant for the next prompt.
  ///
  /// - Parameter discarding: Forget them instead, as after an interrupted reply.
  func takeTypeAhead(discarding: Bool) {
    var waiting = pollfd(fd: stream, events: Int16(POLLIN), revents: 0)
    while poll(&waiting, 1, 0) > 0, !ended { receive() }
    if discarding {
      keys = []
      decoder = KeyDecoder()
    }
    keys.removeAll { $0 == .character("\u{04}") }
  }

  private func receive() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(stream, &buffer, buffer.count)
    if count > 0 {
      keys += decoder.decode(buffer.prefix(count))
    } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
      ended = true
    }
  }
}
