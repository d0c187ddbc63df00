import Chat
import Foundation
import Inference
import ModelFile

/// A conversation for another program to read: one JSON object a line on standard output.
///
///     {"event":"text","text":"Hel"}                    a piece of a reply, as it comes
///     {"event":"turn","ending":"stop","tokens":7,…}    the reply is over, and what it took
///     {"event":"notice","text":"temp 0.00 → 0.50"}     what a command says
///     {"event":"error","text":"…"}                     what went wrong
final class EventLines: ProgramOutput {
  /// What of an event is known; the rest is left out.
  private struct Event: Encodable {
    let event: String
    var text: String?
    var ending: String?
    /// Tokens of the reply; of the prompt those read for it, read before it was sent, and in the cache.
    var tokens: Int?
    var read: Int?
    var ahead: Int?
    var cached: Int?
    /// Tokens in the context, and the most it holds.
    var context: Int?
    var capacity: Int?
    var threads: Int?
    /// Seconds to the first token, and tokens a second after it.
    var firstToken: Double?
    var speed: Double?
  }

  private let encoder: JSONEncoder
  private var stream = ReplyStream()

  init() {
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  func reply(_ text: String) { if !text.isEmpty { send(Event(event: "text", text: text)) } }
  func endReply() {}
  func notice(_ text: String) { send(Event(event: "notice", text: text)) }
  func ending(_ text: String) { notice(text) }
  func problem(_ text: String) { send(Event(event: "error", text: text)) }
  /// The event of the turn has the same as numbers.
  func statistics(_ text: String) {}
  func progress(_ text: String?) {}

  func finished(_ turn: TurnStatistics) {
    let ending =
      switch turn.ending {
      case .stopToken: "stop"
      case .limit: "max"
      case .contextEnd: "context"
      case .interrupted: "interrupted"
      }
    send(
      Event(
        event: "turn", ending: ending, tokens: turn.generated, read: turn.read,
        ahead: turn.readAhead, cached: turn.cached, context: turn.contextUsed,
        capacity: turn.contextCapacity, threads: turn.threads, firstToken: turn.firstTokenSeconds,
        speed: turn.tokensPerSecond))
  }

  func checkDelivery() throws { try stream.checkDelivery() }

  private func send(_ event: Event) {
    // Numbers that JSON does not have do not come up.
    guard let line = try? encoder.encode(event) else { return }
    stream.write(String(decoding: line, as: UTF8.self) + "\n")
  }
}
