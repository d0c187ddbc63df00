import Foundation
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
    guard !text.isEmpty else { return output.notice(overview(of: choices)) }
    guard let place = Int(text) else {
      throw CommandError("probs", "expected the number of a token, got \"\(text)\"")
    }
    guard choices.element(numbered: place) != nil else {
      throw ChatError.noToken(asked: place, count: choices.count)
    }
    output.notice(rows(of: choices, at: place))
  }

  /// Every token with its probability, and what they come to.
  private func overview(of choices: [TokenChoice]) -> String {
    let cells = choices.enumerated().map { "\($0.offset + 1) \(shown($0.element.taken))" }
    let surprise = choices.reduce(0) {
      $0 - log(Double(max($1.taken.probability, .leastNormalMagnitude)))
    }
    var head = "\(counted(choices.count, "token")) · perplexity "
    head += rounded(exp(surprise / Double(choices.count)))
    if let least = choices.indices.min(by: {
      choices[$0].taken.probability < choices[$1].taken.probability
    }) {
      head += " · :probs \(least + 1) for what else the least likely could have been"
    }
    return head + "\n" + wrapped(cells)
  }

  /// The likeliest at a place, the one taken marked.
  private func rows(of choices: [TokenChoice], at place: Int) -> String {
    let choice = choices[place - 1]
    let others = choice.best.contains(choice.taken) ? [] : [choice.taken]
    let pieces = (choice.best + others).map(piece)
    let width = pieces.map(\.count).max() ?? 0
    let rows = zip(choice.best + others, pieces).enumerated().map { offset, row in
      let (alternative, piece) = row
      let name = offset < choice.best.count ? String(offset + 1) : "…"
      var text = "\(name)  \(padded(piece, to: width))  \(aligned(share(alternative), to: 5))"
      if !output.isPlain {
        let bar = String(repeating: "█", count: Int((alternative.probability * 30).rounded()))
        if !bar.isEmpty { text += "  " + bar }
      }
      return alternative == choice.taken ? text + "  ← taken" : text
    }
    let before = conversation.template.tokenizer.decode(
      choices[..<(place - 1)].suffix(8).map(\.taken.token), stripsLeadingSpace: false)
    let after = before.isEmpty ? "" : " after " + TerminalText.quoted(Array(before.utf8))
    let head = "token \(place) of \(choices.count)\(after)"
    let foot = ":alt \(place) J takes another and goes on from there"
    return ([head] + rows + [foot]).joined(separator: "\n")
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
    "\(piece(alternative)) \(share(alternative))"
  }

  private func piece(_ alternative: Alternative) -> String {
    let pieces = conversation.template.tokenizer.vocabulary.pieces
    let index = Int(alternative.token)
    return TerminalText.quoted(pieces.indices.contains(index) ? pieces[index] : [])
  }

  private func share(_ alternative: Alternative) -> String {
    let share = Double(alternative.probability) * 100
    return share < 0.1 ? "<0.1%" : decimal(share, places: share < 9.95 ? 1 : 0) + "%"
  }
}
