import Foundation
import Inference

/// Standard output as replies go there.
struct ReplyStream {
  /// Why it took no more of a reply: a full disk, say.
  private var loss: SystemFailure?

  /// Writes a part of a reply; when it cannot be written, the rest of the reply is of no use and is not asked for.
  mutating func write(_ text: String) {
    guard loss == nil, !writeAll(text, to: STDOUT_FILENO) else { return }
    loss = SystemFailure(call: "writing to standard output", code: errno)
    interruptFlag.raise()
  }

  /// Makes sure that all was taken.
  ///
  /// - Throws: ``SystemFailure``.
  func checkDelivery() throws {
    if let loss { throw loss }
  }
}
