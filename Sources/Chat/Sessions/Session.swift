import Inference
import ModelFile
import Tokenization

/// A chat as it is kept in a file: everything that is needed to go on with it, or to run it again.
public struct Session: Hashable, Sendable {
  /// Tells this chat from others; stays the same as it grows.
  public var id: UInt64
  /// When it was saved, in seconds since 1970.
  public var savedAt: Int64
  /// The model's fingerprint.
  public var model: ModelFingerprint
  /// The model file's name, for people.
  public var modelName: String
  /// How turns became tokens.
  public var template: TemplateKind
  /// How keys and values were kept.
  public var kvType: KVType
  /// Settings; their capacity is the context's size.
  public var settings: Settings
  /// The random generator's state after the last turn.
  public var generatorState: UInt64
  /// The prompt of the library in use.
  public var promptName: String?
  /// The system prompt.
  public var system: String?
  /// Tokens that the chat took in the context, for listings.
  public var contextUsed: Int
  /// The oldest turns, which the context had no more room for.
  public var leftOut: [Turn]
  /// The turns the model is told.
  public var turns: [Turn]

  /// All turns, oldest first.
  public var allTurns: [Turn] { leftOut + turns }
}

extension Conversation {
  /// The model's fingerprint, with the tokenizer in use.
  public var fingerprint: ModelFingerprint {
    ModelFingerprint(of: engine.model, vocabulary: template.tokenizer.vocabulary)
  }

  /// The model file's name without its folder.
  public var modelName: String {
    engine.model.checkpoint.path.split(separator: "/").last.map(String.init) ?? "model"
  }

  /// What of a session could not be taken over as it was.
  public enum Restored: Hashable, Sendable {
    /// Everything.
    case whole
    /// The text alone, because it was another model's: the reason.
    case textOnly(reason: String)
  }

  /// Puts a session in the place of this chat; the cache stays, for what it still holds.
  ///
  /// How replies are shown stays as it is. Of another model's session only the text is taken: token ids and
  /// generator states would mean nothing.
  ///
  /// - Throws: ``ChatError`` for a system prompt that does not fit or spells tags; nothing is changed then.
  public func restore(_ session: Session, fingerprint: ModelFingerprint) throws -> Restored {
    let reason = session.model.difference(from: fingerprint, named: session.modelName)
    let old = settings
    settings = session.settings.fitted(to: capacity)
    do {
      for key in Settings.Key.allCases where key.isForShow {
        try settings.set(key, to: old.text(of: key))
      }
      for turn in session.allTurns { try refuseControlTags(in: turn.question) }
      try setSystem(session.system)
    } catch {
      settings = old
      throw error
    }
    if let reason {
      restartSampler()
      replaceTurns(
        session.turns.map { Turn(question: $0.question, answer: $0.answer) },
        leftOut: session.leftOut.map { Turn(question: $0.question, answer: $0.answer) })
      return .textOnly(reason: reason)
    }
    sampler.generatorState = session.generatorState
    replaceTurns(session.turns, leftOut: session.leftOut)
    return .whole
  }
}

extension Settings {
  /// The same values for a context of another size; a limit beyond it becomes no limit.
  func fitted(to capacity: Int) -> Settings {
    var fitted = Settings(capacity: capacity)
    for key in Key.allCases {
      // All but the limit were in range before and are again.
      do { try fitted.set(key, to: exactText(of: key)) } catch { continue }
    }
    return fitted
  }

  /// A value as text that is read back as the very same value.
  private func exactText(of key: Key) -> String {
    switch key {
    case .temp: "\(temperature)"
    case .topp: "\(topP)"
    default: text(of: key)
    }
  }
}
