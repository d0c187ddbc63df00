import Inference
import ModelFile
import Tokenization

extension CommandTable {
  /// The commands that show what the model could have said, and take it.
  static let alternatives: [Command] = [
    Command(
      "probs", usage: "[I]", summary: "likelihood of words; or the likeliest at token I",
      example: ":probs 3", group: .looking, argument: .text, run: { try $0.probabilities($1) }),
    Command(
      "alt", usage: "I J", summary: "token I anew; goes on with the J-th of :probs I",
      example: ":alt 3 2", group: .looking, argument: .text, run: { try $0.alternative($1) }),
  ]
}

extension Repl {
  /// `:probs [I]`: each token of the last reply with its probability, or the likeliest at one of them.
  func probabilities(_ text: String) throws {
    let choices = conversation.lastChoices
    guard !conversation.turns.isEmpty else { throw ChatError.noTurn(asked: 1, turns: nil) }
    guard !choices.isEmpty else { throw ChatError.noAlternatives }
    guard !text.isEmpty else {
      let cells = choices.enumerated().map { "\($0.offset + 1) \(shown($0.element.taken))" }
      return output.notice(cells.joined(separator: " · "))
    }
    guard let place = Int(text) else {
      throw CommandError("probs", "expected the number of a token, got \"\(text)\"")
    }
    guard choices.indices.contains(place - 1) else {
      throw ChatError.noToken(asked: place, count: choices.count)
    }
    let choice = choices[place - 1]
    var rows = choice.best.enumerated().map { offset, alternative in
      "\(offset + 1)  \(shown(alternative))" + (alternative == choice.taken ? "  ←" : "")
    }
    if !choice.best.contains(choice.taken) { rows.append("…  \(shown(choice.taken))  ←") }
    output.notice(rows.joined(separator: "\n"))
  }

  /// `:alt I J`.
  func alternative(_ text: String) throws {
    let numbers = text.split(separator: " ").map { Int($0) }
    guard numbers.count == 2, let place = numbers[0], let number = numbers[1] else {
      throw CommandError(
        "alt", "expected a token and an alternative, as in :alt 3 2, got \"\(text)\"")
    }
    let unread = conversation.tokensToRegenerate
    if unread > 0 { output.notice("going on; \(price(of: unread, when: ""))") }
    try answer(.alternative(token: place, number: number))
  }

  /// `" of" 98%`.
  private func shown(_ alternative: Alternative) -> String {
    let pieces = conversation.template.tokenizer.vocabulary.pieces
    let index = Int(alternative.token)
    let piece = pieces.indices.contains(index) ? pieces[index] : []
    let share = Double(alternative.probability) * 100
    let number = share < 0.1 ? "<0.1" : decimal(share, places: share < 9.95 ? 1 : 0)
    return "\(TerminalText.quoted(piece)) \(number)%"
  }
}
