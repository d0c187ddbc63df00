import ModelFile

/// Lines of a given text, for pipes, scripts and tests.
public final class ScriptLines: LineSource {
  /// How the text is cut into messages.
  public enum Cut: Sendable {
    /// The whole text is one message.
    case message
    /// Every line is a message.
    case lines
    /// As if typed: lines, `"""` blocks, trailing backslashes.
    case script
  }

  private let name: String
  private let cut: Cut
  private var lines: ArraySlice<Substring>
  private var lineNumber = 0
  private var messageLine = 0
  private var assembler = MessageAssembler()

  /// Cuts a text into messages.
  ///
  /// - Parameters:
  ///   - name: The file's name or `standard input`, for errors.
  public init(_ text: String, name: String, cut: Cut) {
    self.name = name
    self.cut = cut
    switch cut {
    case .message:
      let end = text.unicodeScalars.lastIndex { $0 != "\n" && $0 != "\r" }
      lines = end.map { [Substring(text.unicodeScalars[...$0])] } ?? []
    case .lines, .script:
      // On bytes: Swift's Character joins CR and LF.
      lines =
        text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0) }[...]
      if lines.last?.isEmpty == true { lines.removeLast() }
    }
  }

  /// Where the last message began.
  public var place: String? { "\(name):\(messageLine)" }

  /// The next message; the end of the text after the last.
  ///
  /// - Throws: ``ScriptError`` for a block that is never closed.
  public func read(prefill: String?, status: PromptStatus?) throws -> LineEvent {
    messageLine = lineNumber + 1
    while let line = lines.popFirst() {
      lineNumber += 1
      guard cut == .script else { return .line(String(line)) }
      if let message = assembler.append(String(line)) { return .line(message) }
    }
    guard assembler.isOpen else { return .endOfInput }
    throw ScriptError(
      place: place,
      reason: "the text ends inside a message; expected a closing \"\"\" or a last line",
      kind: .usage)
  }
}

/// A script line that failed, which ends the script.
public struct ScriptError: Failure, Hashable {
  /// `NAME:LINE`.
  public let place: String?
  /// See ``Failure/reason``.
  public let reason: String
  /// Wrong usage for a command, the failure's own kind for a message.
  public let kind: FailureKind
}
