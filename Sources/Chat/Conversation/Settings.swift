import ModelFile

/// What the user can turn while chatting; every value is in range.
///
/// A setting's text goes through ``set(_:to:)`` wherever it comes from: a command, a prompt file, an
/// option of the program.
public struct Settings: Hashable, Sendable {
  /// A setting's name, as typed.
  public enum Key: String, CaseIterable, Sendable {
    case temp, topp, seed, max, overflow, stats, markdown, tags

    /// Whether it says how replies are shown, which a saved chat does not change.
    var isForShow: Bool { self == .stats || self == .markdown }
  }

  /// What happens to a message that does not fit behind the turns there are.
  public enum Overflow: String, CaseIterable, Sendable {
    /// Whole oldest turns are left out until it fits, and the rest is read again.
    case drop
    /// It is refused.
    case stop
  }

  /// Sampling temperature, 0…2; 0 is greedy.
  public private(set) var temperature: Float = 0.7
  /// Nucleus mass in (0, 1]; 1 is off.
  public private(set) var topP: Float = 0.9
  /// Where the random generator starts.
  public private(set) var seed: UInt64
  /// The most tokens of a reply; 0 goes on until the context ends.
  public private(set) var maxTokens = 0
  /// What happens when the context is full.
  public private(set) var overflow = Overflow.drop
  /// Whether a line of statistics follows each reply.
  public private(set) var showsStatistics = true
  /// Whether Markdown in replies is coloured where colours are shown.
  public private(set) var colorsMarkdown = true
  /// Whether a message may spell Llama-2's control tags.
  public private(set) var allowsTags = false
  /// The context's size in tokens, which bounds ``maxTokens``.
  public let capacity: Int

  /// The defaults, with a random seed.
  ///
  /// - Parameter capacity: The context's size in tokens.
  public init(capacity: Int) {
    self.capacity = capacity
    self.seed = Self.randomSeed()
  }

  /// Sets one value from its text; nothing changes when it is wrong.
  ///
  /// The whole text must be the value: `0.9`, `.5`, `1e-3`; not `0.9x`, `nan`, `0x1p3` or an empty text.
  ///
  /// - Throws: ``SettingError`` naming the range.
  public mutating func set(_ key: Key, to text: String) throws {
    switch key {
    case .temp:
      guard let value = Self.float(text), value >= 0, value <= 2 else {
        throw SettingError(key, expected: "must be 0…2", found: text, like: Self.decimalComma(text))
      }
      temperature = value + 0  // -0 becomes 0
    case .topp:
      guard let value = Self.float(text), value > 0, value <= 1 else {
        throw SettingError(
          key, expected: "must be in (0, 1]", found: text,
          like: Self.percentage(text) ?? Self.decimalComma(text))
      }
      topP = value
    case .seed:
      guard text != "random" else {
        seed = Self.randomSeed()
        return
      }
      guard let value = UInt64(text) else {
        throw SettingError(key, expected: "must be 0…\(UInt64.max) or \"random\"", found: text)
      }
      seed = value
    case .max:
      guard let value = Int(text), value >= 0, value <= capacity else {
        throw SettingError(
          key, expected: "must be 0…\(capacity) tokens, 0 for no limit", found: text)
      }
      maxTokens = value
    case .overflow: overflow = try Self.overflow(text)
    case .stats: showsStatistics = try Self.choice(key, text, yes: "on", no: "off")
    case .markdown: colorsMarkdown = try Self.choice(key, text, yes: "on", no: "off")
    case .tags: allowsTags = try Self.choice(key, text, yes: "allow", no: "refuse")
    }
  }

  /// Goes on to the next seed, for another reply to the same question.
  mutating func advanceSeed() { seed &+= 1 }

  /// Goes back to a seed that was in use.
  mutating func restoreSeed(_ old: UInt64) { seed = old }

  /// A value as ``set(_:to:)`` would read it.
  public func text(of key: Key) -> String {
    switch key {
    case .temp: Self.text(temperature)
    case .topp: Self.text(topP)
    case .seed: String(seed)
    case .max: String(maxTokens)
    case .overflow: overflow.rawValue
    case .stats: showsStatistics ? "on" : "off"
    case .markdown: colorsMarkdown ? "on" : "off"
    case .tags: allowsTags ? "allow" : "refuse"
    }
  }

  /// The words a setting takes besides numbers.
  public static func words(of key: Key) -> [String] {
    switch key {
    case .temp, .topp, .max: []
    case .seed: ["random"]
    case .overflow: Overflow.allCases.map(\.rawValue)
    case .stats, .markdown: ["on", "off"]
    case .tags: ["allow", "refuse"]
    }
  }
}

extension Settings {
  /// Short enough to be read out and typed again.
  private static func randomSeed() -> UInt64 { UInt64.random(in: 1...999_999_999) }

  private static func choice(_ key: Key, _ text: String, yes: String, no: String) throws -> Bool {
    guard text == yes || text == no else {
      throw SettingError(key, expected: "must be \(yes) or \(no)", found: text)
    }
    return text == yes
  }

  private static func overflow(_ text: String) throws -> Overflow {
    guard let policy = Overflow(rawValue: text) else {
      let why =
        text == "shift"
        ? " (keys and values moved to other positions are not those of a fresh chat; replies here are exact)"
        : ""
      throw SettingError(.overflow, expected: "must be drop or stop\(why)", found: text)
    }
    return policy
  }

  /// A finite decimal number that takes up the whole text.
  private static func float(_ text: String) -> Float? {
    guard text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }),
      let value = Float(text), value.isFinite
    else { return nil }
    return value
  }

  /// What `90` meant where 0.9 was expected.
  private static func percentage(_ text: String) -> String? {
    guard let value = float(text), value > 1, value <= 100 else { return nil }
    return "\(value / 100)"
  }

  /// What `0,7` meant.
  private static func decimalComma(_ text: String) -> String? {
    guard text.contains(",") else { return nil }
    let point = String(text.map { $0 == "," ? "." : $0 })
    return float(point) == nil ? nil : point
  }

  /// Two decimals, more only where the value has more.
  private static func text(_ value: Float) -> String {
    let short = decimal(Double(value), places: 2)
    return Float(short) == value ? short : "\(value)"
  }
}

/// A setting's value that cannot be taken.
public struct SettingError: Failure, Hashable {
  /// The setting.
  public let key: Settings.Key
  /// See ``Failure/reason``.
  public let reason: String

  /// The setting's name.
  public var place: String? { key.rawValue }
  /// See ``Failure/kind``.
  public var kind: FailureKind { .usage }

  init(_ key: Settings.Key, expected: String, found: String, like suggestion: String? = nil) {
    self.key = key
    let hint = suggestion.map { " — did you mean \($0)?" } ?? ""
    reason = "\(expected), got \"\(found)\"\(hint)"
  }
}
