import Inference

/// One turn of a knob while the model reads or talks.
public enum KnobTurn: Hashable, Sendable {
  /// So many threads more, or fewer.
  case threads(Int)
  /// So many tenths warmer, or colder.
  case temperature(Int)
  /// No more of this.
  case stop
}

/// The knobs a person has at hand while the model reads or talks: keys, or a test.
public protocol Knobs: AnyObject {
  /// The turns since the last call, oldest first; returns at once.
  func takeTurns() -> [KnobTurn]
}

/// What the knobs changed during a reply.
public struct KnobChange: Hashable, Sendable {
  /// What can be turned.
  public enum Knob: String, Sendable {
    case threads, temp
  }
  /// What was turned.
  public var knob: Knob
  /// Its value before, as settings show it.
  public var old: String
  /// Its value after; the same at the end of its range.
  public var new: String
  /// The first token of the reply that may differ, from 1.
  public var token: Int

  /// For people, while it happens: `temp 0.80`.
  public var note: String {
    "\(knob.rawValue) \(new)" + (old == new ? ", no further" : "")
  }
}

extension [KnobChange] {
  /// Adds a change; several turns in one direction are one change.
  mutating func note(_ change: KnobChange) {
    guard change.old != change.new else { return }
    if let index = lastIndex(where: { $0.knob == change.knob }), self[index].new == change.old,
      self[index].rises == change.rises
    {
      self[index].new = change.new
    } else {
      append(change)
    }
  }

  /// `threads 4→6 at token 35`, one text a knob: the first and last value when it went to and fro.
  var summary: [String] {
    var knobs: [KnobChange.Knob] = []
    for change in self where !knobs.contains(change.knob) { knobs.append(change.knob) }
    return knobs.map { knob in
      let changes = filter { $0.knob == knob }
      let values = ([changes[0].old] + changes.map(\.new)).joined(separator: "→")
      guard changes.count > 3 else {
        let tokens = changes.map { String($0.token) }.joined(separator: ", ")
        return "\(knob.rawValue) \(values) at token \(tokens)"
      }
      let last = changes[changes.count - 1]
      return "\(knob.rawValue) \(changes[0].old)→…→\(last.new) from token \(changes[0].token)"
        + " to \(last.token)"
    }
  }
}

extension KnobChange {
  fileprivate var rises: Bool { (Double(new) ?? 0) > (Double(old) ?? 0) }
}

extension Conversation {
  /// Does what was turned since the last look; between two forward passes.
  ///
  /// - Parameter token: The first token of the reply that comes after.
  /// - Returns: What changed, for people.
  func turnKnobs(
    _ turns: [KnobTurn], before token: Int, interrupt: InterruptFlag
  ) -> [KnobChange] {
    turns.compactMap { turn in
      switch turn {
      case .stop:
        interrupt.raise()
        return nil
      case .threads(let step):
        let old = engine.threads
        let wanted = Swift.max(1, Swift.min(old + step, Engine.maximumThreads))
        // When no more can be started the engine goes on with those it has, which is what is shown.
        if wanted != old { try? engine.resize(threads: wanted) }
        return KnobChange(
          knob: .threads, old: String(old), new: String(engine.threads), token: token)
      case .temperature(let tenths):
        let old = settings.text(of: .temp)
        let hundredths = Int((Double(settings.temperature) * 100).rounded()) + tenths * 10
        let wanted = decimal(Double(Swift.max(0, Swift.min(hundredths, 200))) / 100, places: 2)
        // In range by the line above.
        try? settings.set(.temp, to: wanted)
        return KnobChange(knob: .temp, old: old, new: settings.text(of: .temp), token: token)
      }
    }
  }
}
