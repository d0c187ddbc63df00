import ModelFile

extension Repl {
  /// `:ctx`: how full the context is, and each turn's tokens.
  func showContext() {
    let gauge = ContextGauge(usage: conversation.usage, leftOut: conversation.droppedTurns)
    output.notice(output.isPlain ? gauge.text : gauge.picture)
  }
}

/// The context's use, to be shown on a screen of 80 columns.
struct ContextGauge {
  let usage: ContextUsage
  /// How many turns the context had no more room for.
  let leftOut: Int

  private static let columns = 80
  private static let barColumns = 40
  /// Turns that have a row each; older ones share one.
  private static let turnRows = 12

  /// The markers after a reply that filled the context are not in it.
  private var used: Int { min(usage.used, usage.capacity) }
  private var share: Double { Double(used) / Double(max(1, usage.capacity)) }
  private var head: String {
    "\(percent(share)) · \(SizeText.grouped(used)) of \(SizeText.grouped(usage.capacity)) tokens · "
      + "\(SizeText.grouped(usage.capacity - used)) free"
  }

  private var olderTurns: ArraySlice<ContextUsage.TurnUsage> {
    usage.turns.dropLast(Self.turnRows)
  }

  private var olderRow: (name: String, question: Int, answer: Int)? {
    guard let first = olderTurns.first, let last = olderTurns.last else { return nil }
    return (
      named(turns: first.number...last.number), olderTurns.reduce(0) { $0 + $1.question },
      olderTurns.reduce(0) { $0 + $1.answer }
    )
  }

  private var leftOutLine: String? {
    leftOut == 0 ? nil : "\(named(turns: 1...leftOut)) left out: there was no more room"
  }

  /// Two lines or three without pictures.
  var text: String {
    var parts = ["system \(usage.system)"]
    if let older = olderRow { parts.append("\(older.name): \(older.question)+\(older.answer)") }
    parts += usage.turns.suffix(Self.turnRows).map { "\($0.number): \($0.question)+\($0.answer)" }
    let turns = parts.joined(separator: " · ") + (usage.turns.isEmpty ? "" : " (question+reply)")
    return (["ctx " + head, turns] + [leftOutLine].compactMap(\.self)).joined(separator: "\n")
  }

  /// A bar, and a row with a bar for the system prompt and each turn.
  var picture: String {
    let turns = usage.turns.suffix(Self.turnRows)
    let older = olderRow
    let names = ["system"] + turns.map { "turn \($0.number)" } + [older?.name].compactMap(\.self)
    let name = names.map(\.count).max() ?? 0
    let question = Self.width(of: turns.map(\.question) + [older?.question ?? 0])
    let answer = Self.width(of: turns.map(\.answer) + [older?.answer ?? 0, usage.system])
    let most = max(1, usage.system, turns.map(\.tokens).max() ?? 0)
    let room = min(Self.barColumns, Self.columns - name - question - answer - 9)

    func row(_ title: String, _ questions: Int?, _ answers: Int, hasBar: Bool = true) -> String {
      let first = questions.map(SizeText.grouped) ?? ""
      var text = padded(title, to: name) + "  " + aligned(first, to: question)
      text += (questions == nil ? "   " : " + ") + aligned(SizeText.grouped(answers), to: answer)
      guard hasBar else { return text }
      text += "  " + Self.bar(questions ?? 0, of: most, "▒", room)
      return text + Self.bar(answers, of: most, "█", room)
    }
    let columns = min(Self.barColumns, Self.columns - head.count - 2)
    let filled = min(columns, Int((share * Double(columns)).rounded(.up)))
    var rows = [
      String(repeating: "█", count: filled)
        + String(repeating: "░", count: columns - filled) + "  " + head
    ]
    if let leftOutLine { rows.append(leftOutLine) }
    rows.append(row("system", nil, usage.system))
    if let older { rows.append(row(older.name, older.question, older.answer, hasBar: false)) }
    rows += turns.map { row("turn \($0.number)", $0.question, $0.answer) }
    if !turns.isEmpty { rows.append("▒ question  █ reply") }
    return rows.joined(separator: "\n")
  }

  private static func width(of numbers: [Int]) -> Int {
    numbers.map { SizeText.grouped($0).count }.max() ?? 0
  }

  /// One column at least for what is there.
  private static func bar(_ tokens: Int, of most: Int, _ mark: String, _ columns: Int) -> String {
    guard tokens > 0 else { return "" }
    return String(repeating: mark, count: max(1, tokens * columns / most))
  }
}
