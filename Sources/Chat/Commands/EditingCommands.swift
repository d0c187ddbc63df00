import Inference
import ModelFile

extension Repl {
  /// What the next line may be, besides a message or a command.
  enum Awaited: Hashable {
    /// Other words for the question of a turn.
    case question(turn: Int)
    /// The number of one of these last turns.
    case choice([Turn])
  }

  /// `:clear`.
  func clear() {
    let (turns, tokens) = conversation.clear()
    guard turns > 0 else {
      output.notice("nothing to clear")
      return
    }
    sessions?.startNew()
    let kept = conversation.system == nil ? "" : ", system prompt kept"
    let forgotten = "\(counted(turns, "turn")) (\(counted(tokens, "token")))"
    output.notice("cleared \(forgotten)\(kept) — :undo restores")
  }

  /// `:undo [N]`: the first question taken back returns to the editor.
  func undo(_ text: String) throws {
    guard let count = text.isEmpty ? 1 : Int(text) else {
      throw CommandError("undo", "expected a number of turns, got \"\(text)\"")
    }
    let undone = try conversation.undo(count)
    let context = "ctx \(conversation.used)/\(conversation.capacity)"
    switch undone {
    case .clear(let turns):
      output.notice("restored \(counted(turns, "turn")) (\(context))")
    case .turns(let numbers, let tokens, let question):
      let unread = conversation.turns.isEmpty ? 0 : conversation.pendingTokens
      let cost = unread > 0 ? "; \(price(of: unread))" : ""
      output.notice(
        "undid \(named(turns: numbers)) (−\(SizeText.grouped(tokens)) tokens, \(context))\(cost)")
      prefill = Self.typed(question)
    }
  }

  /// `:edit [N]`: the question goes to the editor; the next line replaces it.
  func edit(_ text: String) throws {
    let number = try turnNumber(text, of: "edit")
    let index = try conversation.index(ofTurn: number)
    prefill = Self.typed(conversation.turns[index].question)
    awaited = .question(turn: number)
    let later = conversation.turns.count - index - 1
    let replaced = later == 0 ? "it" : "it and \(counted(later, "later turn"))"
    let cost = price(of: conversation.unreadTokens(of: conversation.turns[..<index]))
    output.notice("turn \(number): Enter replaces \(replaced), Ctrl-C changes nothing; \(cost)")
  }

  /// `:edit! [N]`: the question goes through the user's own editor.
  func editExternally(_ text: String) throws {
    let number = try turnNumber(text, of: "edit!")
    let question = conversation.turns[try conversation.index(ofTurn: number)].question
    let edited = try editText(question, for: "edit!", otherwise: ":edit takes the next line")
    guard !edited.strippedAsInPython.isEmpty, edited != question else {
      return output.notice("turn \(number) unchanged")
    }
    try answer(.edited(edited, turn: number))
  }

  /// `:amend`: the last reply goes through the user's own editor.
  func amend() throws {
    let number = try turnNumber("", of: "amend")
    let old = conversation.turns[try conversation.index(ofTurn: number)].answer
    let edited = try editText(old, for: "amend", otherwise: ":regen makes another reply")
    guard !edited.strippedAsInPython.isEmpty, edited != old else {
      return output.notice("turn \(number) unchanged")
    }
    try conversation.amend(edited)
    output.notice("amended turn \(number); \(price(of: conversation.pendingTokens))")
  }

  /// `:continue`.
  func goOn() throws {
    let unread = try conversation.tokensToContinue()
    // The last token of a reply is not in the cache: it was the last to be said.
    if unread > 1 { output.notice("going on; \(price(of: unread, when: ""))") }
    try answer(.onward)
  }

  /// `:regen [K]`.
  func regenerate(_ text: String) throws {
    guard let count = text.isEmpty ? 1 : Int(text), (1...9).contains(count) else {
      throw CommandError("regen", "must be 1…9 replies, got \"\(text)\"")
    }
    guard count > 1 else {
      try answer(.again)
      return
    }
    var candidates: [Turn] = []
    for number in 1...count {
      if !conversation.turns.isEmpty { output.notice("— reply \(number) of \(count)") }
      let replies = statistics.count
      try answer(.again)
      if statistics.count > replies, let turn = conversation.turns.last { candidates.append(turn) }
      if interrupt.isRaised { break }
    }
    guard candidates.count > 1 else { return }
    awaited = .choice(candidates)
    output.notice(
      "1…\(candidates.count) takes one of the replies; anything else goes on from the last")
  }

  /// Takes one of the replies `:regen K` made.
  func choose(_ turn: Turn) throws {
    if turn != conversation.turns.last {
      let turns = Array(conversation.turns.dropLast()) + [turn]
      guard let index = conversation.branches.firstIndex(where: { $0.turns == turns }) else {
        throw CommandError("regen", "that reply is no longer kept; :branch lists what is")
      }
      try conversation.switchBranch(to: index + 1)
    }
    output.notice("taken; \(price(of: conversation.pendingTokens))")
  }

  /// `:branch [N]`.
  func branch(_ text: String) throws {
    guard !text.isEmpty else {
      let rows = conversation.branches.enumerated().map { row($0.element, number: $0.offset + 1) }
      return output.notice(
        rows.isEmpty ? "no alternatives kept yet" : rows.joined(separator: "\n"))
    }
    guard let number = Int(text) else {
      throw CommandError("branch", "expected the number of an alternative, got \"\(text)\"")
    }
    let chat = conversation.chatNumber
    try conversation.switchBranch(to: number)
    // What is kept of the chat that is left stays as it is.
    if conversation.chatNumber != chat { sessions?.startNew() }
    let turns = counted(conversation.turns.count, "turn")
    let context = "ctx \(conversation.used)/\(conversation.capacity)"
    output.notice("\(turns) (\(context)); \(price(of: conversation.pendingTokens))")
  }

  /// `2  3 turns, other from turn 2: "And of Italy?" → "Rome." (22 tokens to read)`.
  private func row(_ branch: Branch, number: Int) -> String {
    let first = branch.firstDifference(from: conversation.line)
    let cost = price(of: conversation.unreadTokens(of: branch.turns), when: "")
    let head = "\(number)  \(counted(branch.turns.count, "turn")), other from turn \(first)"
    let index = first - branch.droppedTurns - 1
    guard branch.turns.indices.contains(index) else { return "\(head) (\(cost))" }
    let turn = branch.turns[index]
    return "\(head): \(Self.quoted(turn.question)) → \(Self.quoted(turn.answer)) (\(cost))"
  }

  /// `:drop N[-M]`.
  func drop(_ text: String) throws {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(parts.count), let first = parts.first.flatMap({ $0 }),
      let last = parts.last.flatMap({ $0 }), first <= last
    else { throw CommandError("drop", "expected a turn or a range like 2-3, got \"\(text)\"") }
    let tokens = try conversation.drop(first...last)
    let context = "ctx \(conversation.used)/\(conversation.capacity)"
    output.notice(
      "dropped \(named(turns: first...last)) (−\(SizeText.grouped(tokens)) tokens, \(context)); "
        + price(of: conversation.pendingTokens))
  }

  /// `:history [N]`: the turns as they were said, those that were left out among them.
  func history(_ text: String) throws {
    let leftOut = conversation.leftOutTurns
    let all = leftOut + conversation.turns
    guard !all.isEmpty else { return output.notice("no turns yet") }
    guard let asked = text.isEmpty ? 0 : Int(text) else {
      throw CommandError("history", "expected the number of a turn, got \"\(text)\"")
    }
    guard asked == 0 || all.element(numbered: asked) != nil else {
      throw ChatError.noTurn(asked: asked, turns: 1...all.count)
    }
    let usage = conversation.usage.turns
    let rows = all.enumerated().filter { asked == 0 || $0.offset == asked - 1 }.map { index, turn in
      let size =
        index < leftOut.count
        ? "left out, the model is not told it"
        : "\(usage[index - leftOut.count].question) + \(usage[index - leftOut.count].answer) tokens"
      let ending = turn.reply?.isCut == true ? " · cut" : ""
      let question = turn.question.split(separator: "\n", omittingEmptySubsequences: false)
        .map { "> \($0)" }.joined(separator: "\n")
      return "— turn \(index + 1) · \(size)\(ending)\n\(question)\n\(turn.answer)"
    }
    output.notice(rows.joined(separator: "\n"))
  }
}

extension Repl {
  /// A turn's number, by default the last one's.
  private func turnNumber(_ text: String, of command: String) throws -> Int {
    guard let number = text.isEmpty ? conversation.turnNumbers?.upperBound ?? 1 : Int(text) else {
      throw CommandError(command, "expected the number of a turn, got \"\(text)\"")
    }
    _ = try conversation.index(ofTurn: number)
    return number
  }

  private func editText(_ text: String, for command: String, otherwise: String) throws -> String {
    guard let externalEditor, mode == .interactive else {
      throw CommandError(command, "needs $EDITOR at a terminal; \(otherwise)")
    }
    return try externalEditor(text)
  }

  /// `412 tokens to read (~18 s), at your next message`.
  func price(of tokens: Int, when: String? = nil) -> String {
    guard tokens > 0 else { return "nothing to read again" }
    let time = estimate(reading: tokens, atSpeed: conversation.readingSpeed)
    return "\(counted(tokens, "token")) to read again\(time)\(when ?? ", " + whenRead)"
  }

  /// A message as it must be typed to be one: with a second colon where one begins it.
  static func typed(_ message: String) -> String {
    TypedLine(message) == .message(message) ? message : ":" + message
  }

  /// The beginning of a text on one line, between quotes.
  private static func quoted(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\"\(line.count <= 30 ? line : line.prefix(29) + "…")\""
  }
}
