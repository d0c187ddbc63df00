import Chat
import Foundation
import Inference

/// Keys from the terminal, and what signals ask for in between.
///
/// While the model talks, some keys turn knobs; all others wait here for the next line.
final class EditorInput: Knobs {
  /// What the editor waits for.
  enum Event {
    case key(Key)
    case signals(Signals.Pending)
    case end
  }

  private let stream: Int32
  private var decoder = KeyDecoder()
  private var keys: ArraySlice<Key> = []
  /// How many of the keys were typed before the line began.
  private var typedAhead = 0
  /// Whether keys wait that came in one go with the Enter of the last line.
  private var hasKeysAfterEnter = false
  /// When the last byte came, if what it means depends on whether others follow at once.
  private var undecidedSince: ContinuousClock.Instant?
  private var ended = false
  /// When the terminal's size is taken to be the last for now; `nil` when it has not changed.
  private var sizeSettles: ContinuousClock.Instant?

  /// How long a terminal that has changed its size is given to change it again.
  ///
  /// Painting in the midst of it leaves traces, as a terminal may have another size already than it says: tmux
  /// tells of the second of two changes a quarter of a second later.
  private static let settlingTime = Duration.milliseconds(500)
  /// How long to wait for the rest of an escape sequence before it is a lone Escape, in milliseconds.
  private static let escapeTimeout: Int32 = 50
  /// How long to wait for the rest of a paste.
  private static let pasteTimeout: Int32 = 1000
  /// Nobody types on so soon after Enter; a paste that the terminal does not mark goes on.
  private static let pasteGap: Int32 = 10

  /// Keys from `stream`, a terminal.
  init(stream: Int32) { self.stream = stream }

  /// Waits for the next event.
  func next() -> Event {
    // Nobody pastes, types and pastes again without a pause; ahead of the prompt pauses are not seen.
    decoder.joinsPastes = true
    defer { decoder.joinsPastes = false }
    while true {
      if !keys.isEmpty, sizeSettles != nil { return resized() }
      if let key = keys.popFirst() {
        typedAhead = max(0, typedAhead - 1)
        hasKeysAfterEnter = true
        return .key(key)
      }
      if ended { return .end }
      var waits = [
        pollfd(fd: stream, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Signals.wakeup, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&waits, nfds_t(waits.count), patience)
      if ready == 0 {
        if let sizeSettles, sizeSettles <= .now { return resized() }
        keys += decoder.timeOut()
      }
      if waits[1].revents != 0 {
        var pending = Signals.takePending()
        if pending.remove(.resized) != nil { sizeSettles = .now + Self.settlingTime }
        if !pending.isEmpty { return .signals(pending) }
      }
      if ready > 0, waits[0].revents != 0 { keys += receive() }
      if ready < 0, errno != EINTR { ended = true }
    }
  }

  /// The size is what it is.
  private func resized() -> Event {
    sizeSettles = nil
    return .signals(.resized)
  }

  /// How long to wait for what is known to come, in milliseconds; -1 is for ever.
  private var patience: Int32 {
    guard let sizeSettles else { return timeout }
    let left = Int32(clamping: Int(((sizeSettles - .now) / .milliseconds(1)).rounded(.up)))
    return timeout < 0 ? max(0, left) : max(0, min(left, timeout))
  }

  /// How long to wait for the byte that would say more about the last one, in milliseconds; -1 is for ever.
  private var timeout: Int32 {
    if decoder.isInPaste { return Self.pasteTimeout }
    if decoder.isAfterPaste { return Self.pasteGap }
    return decoder.isMidway ? Self.escapeTimeout : -1
  }

  /// Whether the Enter that was just handed out is followed by text so closely that both were pasted.
  ///
  /// What was typed ahead came at leisure, whatever it looks like now.
  var enterIsPasted: Bool {
    guard typedAhead == 0 else { return false }
    if keys.isEmpty, !decoder.isMidway, canRead(within: Self.pasteGap) { keys += receive() }
    guard case .character(let next) = keys.first else { return false }
    return next.value >= 0x20 && next.value != 0x7F || "\t\r\n".unicodeScalars.contains(next)
  }

  private func canRead(within milliseconds: Int32) -> Bool {
    var waiting = pollfd(fd: stream, events: Int16(POLLIN), revents: 0)
    return !ended && poll(&waiting, 1, milliseconds) > 0
  }

  private func receive() -> [Key] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(stream, &buffer, buffer.count)
    guard count > 0 else {
      if count == 0 || (errno != EINTR && errno != EAGAIN) { ended = true }
      return []
    }
    defer { undecidedSince = decoder.isAfterEscape || decoder.isAfterPaste ? .now : nil }
    return decoder.decode(buffer.prefix(count))
  }

  // MARK: - While the model talks

  /// Takes the keys that turn knobs; the others are kept for the next line.
  func takeTurns() -> [KnobTurn] { takeTurns(decides: false) }

  /// - Parameter decides: Whether to wait until it is known where a paste has ended.
  private func takeTurns(decides: Bool) -> [KnobTurn] {
    var new: [Key] = []
    if hasKeysAfterEnter {
      new = Array(keys)
      keys = []
      hasKeysAfterEnter = false
    }
    while canRead(within: decides && decoder.isAfterPaste ? Self.pasteGap : 0) { new += receive() }
    if let undecidedSince, decoder.isAfterEscape || decoder.isAfterPaste,
      ContinuousClock.now - undecidedSince > .milliseconds(Int(timeout))
        || decides && decoder.isAfterPaste
    {
      new += decoder.timeOut()
    }
    guard !new.isEmpty else { return [] }
    keys += new.filter { KnobTurn($0) == nil }
    return new.compactMap(KnobTurn.init)
  }

  /// Begins a line with the keys typed while the model was talking.
  ///
  /// Ctrl-D among them is left out, because it was not meant for the next prompt. After an interruption
  /// nothing is sent: Enter is then only a new line, and none at the end.
  func takeTypeAhead(sending: Bool) {
    // An Escape that came too late to stop anything is no part of the line.
    if decoder.isAfterEscape, !canRead(within: Self.escapeTimeout) { _ = decoder.timeOut() }
    _ = takeTurns(decides: true)
    keys.removeAll { $0 == .character("\u{04}") }
    if !sending {
      while keys.last == .character("\r") { keys.removeLast() }
      keys = ArraySlice(keys.map { $0 == .character("\r") ? .named(.newline) : $0 })
    }
    typedAhead = keys.count
  }
}

extension KnobTurn {
  /// What a key turns while the model reads or talks.
  init?(_ key: Key) {
    switch key {
    case .named(.up): self = .threads(1)
    case .named(.down): self = .threads(-1)
    case .named(.right): self = .temperature(1)
    case .named(.left): self = .temperature(-1)
    case .character("\u{1B}"), .character("\u{03}"): self = .stop
    default: return nil
    }
  }
}
