import Chat
import Foundation
import Inference

/// Messages from a terminal in its own line mode, for `--plain`: nothing is painted.
///
/// `"""` blocks and a final `\` continue a message on the next line.
final class PlainLines: LineSource {
  private let asks: Bool
  private var buffer: [UInt8] = []
  private var hasEnded = false

  /// Lines of standard input; when it `asks`, a prompt for each on standard error.
  init(asks: Bool) { self.asks = asks }

  func read(prefill: String?, status: PromptStatus?) throws -> LineEvent {
    interruptFlag.clear()
    Signals.enter(.typing)
    defer { Signals.enter(.busy) }
    var assembler = MessageAssembler()
    // Nothing can be edited here, but what was given back can be seen and typed again.
    if let prefill { ask("was: \(visible(prefill))\n") }
    while true {
      switch try nextLine(after: assembler.isOpen ? "... " : "> ") {
      case .line(let line):
        if let message = assembler.append(line) { return .line(message) }
      case let end:
        ask("\n")
        // What was typed is a message even without the end of its block.
        if case .endOfInput = end, let message = assembler.finish() { return .line(message) }
        return end
      }
    }
  }

  private func ask(_ text: String) {
    if asks { writeAll(text, to: STDERR_FILENO) }
  }

  private func nextLine(after prompt: String) throws -> LineEvent {
    ask(prompt)
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer.removeFirst(end + 1) }
        return .line(String(decoding: buffer[..<end], as: UTF8.self))
      }
      if hasEnded {
        defer { buffer = [] }
        return buffer.isEmpty ? .endOfInput : .line(String(decoding: buffer, as: UTF8.self))
      }
      var waits = [
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Signals.wakeup, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&waits, nfds_t(waits.count), -1)
      if ready < 0, errno != EINTR { throw SystemFailure(call: "poll", code: errno) }
      let pending = Signals.takePending()
      if pending.contains(.suspended) {
        Signals.enter(.away)
        Signals.stopProcess()
        Signals.enter(.typing)
        // What was typed of the line is gone with the terminal's own editing.
        ask(prompt)
      }
      if pending.contains(.interrupted) {
        buffer = []
        return .interrupted
      }
      if ready > 0, waits[0].revents != 0 { receive() }
    }
  }

  private func receive() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = Foundation.read(STDIN_FILENO, &chunk, chunk.count)
    if count > 0 {
      buffer += chunk.prefix(count)
    } else if count == 0 || errno != EINTR {
      hasEnded = true
    }
  }
}
