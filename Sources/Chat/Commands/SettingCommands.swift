import Inference
import ModelFile

extension Settings.Key {
  /// The values it takes, for people.
  var range: String {
    switch self {
    case .temp: "0…2"
    case .topp: "0 < V ≤ 1"
    case .seed: "0…2⁶⁴−1 or random"
    case .max: "tokens, 0 for no limit"
    case .overflow: "drop the oldest turns, or stop, when the context is full"
    case .stats, .markdown: "on or off"
    case .tags: "allow or refuse [INST] and <<SYS>> in messages"
    }
  }
}

extension Settings {
  /// What a value means or when it acts, for people; may be empty.
  func remark(on key: Key) -> String {
    switch key {
    case .temp where temperature == 0: "greedy: topp and seed are ignored; from the next token"
    case .temp where temperature > 1.5: "expect nonsense this high; from the next token"
    case .topp where topP == 1: "off; from the next token"
    case .temp, .topp: "from the next token"
    case .seed: "generator started again"
    case .max where maxTokens == 0: "until the context ends"
    case .max: "from the next reply"
    case .overflow where overflow == .drop: "the oldest turns make room, and you are told"
    case .overflow: "a message that does not fit is refused"
    case .stats, .markdown, .tags: ""
    }
  }
}

extension ThreadTuning {
  /// A line a trial, the chosen one marked.
  public var table: String {
    let rows = trials.map { trial in
      "\(padded(String(trial.threads), to: 9))\(rounded(trial.tokensPerSecond))"
        + (trial.threads == chosen ? "  ←" : "")
    }
    return (["threads  tok/s"] + rows).joined(separator: "\n")
  }
}

extension Repl {
  /// `:temp`, `:topp`, `:seed`, `:max` and their like: shows the value, or changes it.
  func setting(_ key: Settings.Key, _ text: String) throws {
    let old = conversation.settings.text(of: key)
    guard !text.isEmpty else {
      output.notice("\(key.rawValue) \(old) (\(key.range))")
      return
    }
    try conversation.settings.set(key, to: text)
    if key == .seed { conversation.restartSampler() }
    output.notice(change(of: key, from: old))
  }

  /// `temp 0.70 → 0.90 (from the next token)`.
  func change(of key: Settings.Key, from old: String) -> String {
    let remark = conversation.settings.remark(on: key)
    let new = conversation.settings.text(of: key)
    return "\(key.rawValue) \(old) → \(new)" + (remark.isEmpty ? "" : " (\(remark))")
  }

  /// What `:threads` knows besides numbers.
  static let threadsWords = ["+", "-", "auto"]

  /// `:threads`: resizes the pool; model, conversation and cache stay.
  func threads(_ text: String) throws {
    let engine = conversation.engine
    let old = engine.threads
    let most = Engine.maximumThreads
    guard !text.isEmpty else {
      let tried = speedByThreads.sorted { $0.key < $1.key }
        .map { "\($0.key): \(rounded($0.value)) tok/s" }
      output.notice((["threads \(old) (1…\(most))"] + tried).joined(separator: " · "))
      return
    }
    if text == "auto" { return try tuneThreads() }
    let wanted: Int? =
      switch text {
      case "+": old + 1
      case "-": old - 1
      default: Int(text)
      }
    guard let wanted, wanted >= 1, wanted <= most else {
      throw CommandError(
        "threads", "must be 1…\(most), +, - or auto, got \"\(text)\"\(atEdge(text, old))")
    }
    try engine.resize(threads: wanted)
    let processors = Processors.available
    let remark = engine.threads > processors ? "; no more threads work at once" : ""
    output.notice(
      "threads \(old) → \(engine.threads) (\(processors) processors\(remark); pool resized)")
  }

  /// `:threads auto`: tries which number is fastest and keeps that.
  private func tuneThreads() throws {
    let engine = conversation.engine
    let old = engine.threads
    guard engine.usesCPU else {
      throw CommandError("threads", "\(engine.device) computes; auto needs :device cpu")
    }
    interrupt.clear()
    do {
      let tuning = try ThreadTuning(engine: engine, interrupt: interrupt)
      for trial in tuning.trials { speedByThreads[trial.threads] = trial.tokensPerSecond }
      output.notice(tuning.table + "\nthreads \(old) → \(engine.threads)")
    } catch let stop as Interrupted {
      guard mode == .interactive else { throw stop }
      output.notice("stopped; threads stay \(old)")
    }
  }

  private func atEdge(_ text: String, _ current: Int) -> String {
    text == "+" || text == "-" ? " at \(current)" : ""
  }

  /// `:set`: lists the settings, or acts as the setting's own command.
  func set(_ text: String) throws {
    let words = text.split(separator: " ", maxSplits: 1)
    guard let name = words.first.map(String.init) else {
      output.notice(settingsTable)
      return
    }
    let value = words.count > 1 ? String(words[1]).strippedAsInPython : ""
    if let key = Settings.Key(rawValue: name) {
      try setting(key, value)
    } else if name == "threads" {
      try threads(value)
    } else {
      let hint = closest(to: name, among: Self.settingNames).map { "did you mean \($0)?" }
      let known = "known: " + Self.settingNames.joined(separator: ", ")
      throw CommandError("set", "no setting \"\(name)\"; \(hint ?? known)")
    }
  }

  /// What `:set` knows.
  static let settingNames = Settings.Key.allCases.map(\.rawValue) + ["threads"]

  private var settingsTable: String {
    let defaults = Settings(capacity: conversation.capacity)
    var rows = Settings.Key.allCases.map { key in
      let value = conversation.settings.text(of: key)
      let isDefault = key != .seed && value == defaults.text(of: key)
      return "\(padded(key.rawValue, to: 10))\(padded(value, to: 12))\(key.range)"
        + (isDefault ? "  (default)" : "")
    }
    let threads = String(conversation.engine.threads)
    rows.append("\(padded("threads", to: 10))\(padded(threads, to: 12))1…\(Engine.maximumThreads)")
    return rows.joined(separator: "\n")
  }
}
