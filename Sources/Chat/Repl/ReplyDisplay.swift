import Inference
import ModelFile

extension Repl {
  /// What to answer.
  enum Request {
    /// A new message.
    case message(String)
    /// Another message in the place of a turn's.
    case edited(String, turn: Int)
    /// The last message once more.
    case again
    /// Nothing new: the last reply goes on.
    case onward
    /// The last reply with another token, and on from there.
    case alternative(token: Int, number: Int)

    /// Whether attached files go with it.
    var takesAttachments: Bool {
      switch self {
      case .message, .edited: true
      case .again, .onward, .alternative: false
      }
    }
  }

  /// Has the model answer, and shows it: progress while reading, text as it comes, then what it took.
  ///
  /// A message that could not be sent, or was interrupted while being read, goes back to the editor, and
  /// what was attached to it stays attached.
  ///
  /// - Returns: What ended the reply; `nil` when there is none, because reading was interrupted.
  @discardableResult
  func answer(_ request: Request) throws -> TurnStatistics.Ending? {
    interrupt.clear()
    if case .again = request, !conversation.turns.isEmpty { announceRegeneration() }
    let display = ReplyDisplay(
      output: output, readingSpeed: conversation.readingSpeed, styles: styles(of: request),
      now: conversation.now)
    let turn: TurnStatistics
    do {
      turn =
        switch request {
        case .message(let text):
          try conversation.reply(
            to: withAttachments(text), interrupt: interrupt, onEvent: display.show)
        case .edited(let text, let number):
          try conversation.reply(
            to: withAttachments(text), insteadOfTurn: number, interrupt: interrupt,
            onEvent: display.show)
        case .again:
          try conversation.regenerate(interrupt: interrupt, onEvent: display.show)
        case .onward:
          try conversation.continueReply(interrupt: interrupt, onEvent: display.show)
        case .alternative(let token, let number):
          try conversation.reply(
            withToken: token, alternative: number, interrupt: interrupt, onEvent: display.show)
        }
    } catch {
      display.abandon()
      giveBack(request)
      guard error is Interrupted, mode == .interactive else { throw error }
      output.notice("stopped while reading (\(counted(conversation.cache.count, "token")) kept)")
      return nil
    }
    display.finish()
    output.finished(turn)
    if request.takesAttachments { attachments = [] }
    record(turn)
    explainEnding(of: turn)
    if conversation.settings.showsStatistics { output.statistics(turn.line) }
    if turn.ending == .interrupted, mode != .interactive { throw Interrupted() }
    return turn.ending
  }

  /// What finds Markdown in a reply; `nil` where none is to be shown.
  private func styles(of request: Request) -> MarkdownStream? {
    guard output.stylesReplies, conversation.settings.colorsMarkdown else { return nil }
    // A reply that goes on may be in the middle of a block of code.
    guard case .onward = request, let said = conversation.turns.last else {
      return MarkdownStream()
    }
    return MarkdownStream(after: said.answer)
  }

  /// Text that was not answered returns to the editor, for the place it was meant for.
  private func giveBack(_ request: Request) {
    switch request {
    case .message(let text): prefill = Self.typed(text)
    case .edited(let text, let number):
      prefill = Self.typed(text)
      awaited = .question(turn: number)
    case .again, .onward, .alternative: break
    }
  }

  private func announceRegeneration() {
    let seed = conversation.settings.seed
    let remark = conversation.settings.temperature == 0 ? " (temp is 0: the same reply again)" : ""
    let unread = conversation.tokensToRegenerate
    let cost = unread > 0 ? "; \(price(of: unread, when: ""))" : ""
    output.notice("seed \(seed) → \(seed &+ 1)\(remark)\(cost)")
  }

  /// Says why a reply ended, unless the model ended it.
  private func explainEnding(of turn: TurnStatistics) {
    switch turn.ending {
    case .stopToken: break
    case .interrupted:
      guard mode == .interactive else { return }
      output.ending("stopped after \(counted(turn.generated, "token")) · :continue :regen :undo")
    case .limit:
      guard mode == .interactive else { return }
      output.ending("stopped at max \(turn.generated) · :continue goes on, :max 0 for no limit")
    case .contextEnd:
      output.ending(
        "context full (\(turn.contextUsed)/\(turn.contextCapacity)) · \(wayOn); :clear starts anew"
      )
    }
  }

  /// What can be done when a reply has reached the end of the context.
  private var wayOn: String {
    guard conversation.turns.count > 1, let oldest = conversation.turnNumbers?.lowerBound else {
      return "there is no older turn to leave out"
    }
    return conversation.settings.overflow == .drop
      ? ":continue leaves out the oldest turns, as does your next message"
      : ":drop \(oldest) then :continue"
  }
}

/// Shows one reply as it comes.
final class ReplyDisplay {
  private let output: any ReplOutput
  private let readingSpeed: Double?
  private let now: () -> ContinuousClock.Instant
  private let start: ContinuousClock.Instant
  private var styles: MarkdownStream?
  private var showsProgress = false
  private var hasText = false

  /// Reading that takes longer than this is shown.
  private static let patience = 0.3

  init(
    output: any ReplOutput, readingSpeed: Double?, styles: MarkdownStream? = nil,
    now: @escaping () -> ContinuousClock.Instant
  ) {
    self.output = output
    self.readingSpeed = readingSpeed
    self.styles = styles
    self.now = now
    start = now()
  }

  func show(_ event: ReplyEvent) {
    switch event {
    case .dropped(let turns, let tokens, let rereading):
      let time = estimate(reading: rereading, atSpeed: readingSpeed)
      output.notice(
        "context full: dropped \(named(turns: turns)) (\(tokens) tokens), re-reading \(rereading)\(time)"
      )
    case .reading(let done, let total): showReading(done, total)
    case .text(let text):
      eraseProgress()
      hasText = true
      guard styles != nil else { return output.reply(text) }
      styles?.append(text).forEach(output.reply)
    case .turned(let change): output.hint(change.note)
    }
  }

  private func endReply() {
    styles?.finish().forEach(output.reply)
    output.endReply()
  }

  /// The reply is complete.
  func finish() {
    eraseProgress()
    endReply()
  }

  /// The reply failed: what was shown of it ends here.
  func abandon() {
    eraseProgress()
    if hasText { endReply() }
  }

  private func showReading(_ done: Int, _ total: Int) {
    let elapsed = (now() - start).inSeconds
    // Before the first batch the last speed tells whether it will take long.
    let expected = readingSpeed.map { Double(total) / $0 } ?? 0
    guard done < total, showsProgress || max(elapsed, expected) > Self.patience else { return }
    showsProgress = true
    var parts = ["read \(done)/\(total) tokens"]
    if done > 0, elapsed > 0 {
      let speed = Double(done) / elapsed
      parts.append("\(rounded(speed)) tok/s")
      parts.append("\(seconds(Double(total - done) / speed)) left")
    }
    output.progress(parts.joined(separator: " · "))
  }

  private func eraseProgress() {
    guard showsProgress else { return }
    showsProgress = false
    output.progress(nil)
  }
}
