import Foundation

/// Writes the whole of `text`; `false` when the stream takes no more.
///
/// A reader that has gone away ends the program by SIGPIPE, as for any filter.
@discardableResult
func writeAll(_ text: String, to stream: Int32) -> Bool {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(stream, $0.baseAddress, $0.count) }
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno == EAGAIN {
      var wait = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
      poll(&wait, 1, -1)
    } else if errno != EINTR {
      return false
    }
  }
  return true
}

/// Writes a result to standard output.
///
/// - Throws: ``SystemFailure`` when it takes no more: a full disk, say.
func writeResult(_ text: String) throws {
  guard writeAll(text, to: STDOUT_FILENO) else {
    throw SystemFailure(call: "writing to standard output", code: errno)
  }
}
