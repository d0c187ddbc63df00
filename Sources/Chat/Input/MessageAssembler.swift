/// Typed lines to messages: `"""` blocks and trailing backslashes.
///
///     """            opens a block; what follows on the same line is its first line
///     any lines
///     """            closes it, also at the end of a line
///     one line \     goes on in the next; `\\` at the end does not, and nothing is removed
public struct MessageAssembler: Sendable {
  private static let fence = "\"\"\""

  private enum State {
    case outside
    case block([String])
    case continued([String])
  }
  private var state = State.outside

  /// Starts outside any block.
  public init() {}

  /// Whether more lines are needed to complete a message.
  public var isOpen: Bool {
    if case .outside = state { false } else { true }
  }

  /// Takes a line, or several at once as an editor gives them.
  ///
  /// - Returns: The complete message, or `nil` when more lines are needed.
  public mutating func append(_ line: String) -> String? {
    switch state {
    case .outside:
      guard line.hasPrefix(Self.fence) else { return appendContinued(line, after: []) }
      let rest = String(line.dropFirst(Self.fence.count))
      return appendToBlock(rest, after: [], opensBlock: true)
    case .block(let lines): return appendToBlock(line, after: lines, opensBlock: false)
    case .continued(let lines): return appendContinued(line, after: lines)
    }
  }

  /// Ends the input: a message waiting for its continuation is complete as it is.
  ///
  /// - Returns: The lines of an unfinished message, or `nil` when there is none.
  public mutating func finish() -> String? {
    defer { state = .outside }
    switch state {
    case .outside: return nil
    case .block(let lines), .continued(let lines): return lines.joined(separator: "\n")
    }
  }

  private mutating func appendToBlock(
    _ line: String, after lines: [String], opensBlock: Bool
  ) -> String? {
    guard line.hasSuffix(Self.fence) else {
      state = .block(opensBlock && line.isEmpty ? [] : lines + [line])
      return nil
    }
    state = .outside
    let rest = String(line.dropLast(Self.fence.count))
    return (rest.isEmpty ? lines : lines + [rest]).joined(separator: "\n")
  }

  private mutating func appendContinued(_ line: String, after lines: [String]) -> String? {
    guard line.hasSuffix("\\"), !line.hasSuffix("\\\\") else {
      state = .outside
      return (lines + [line]).joined(separator: "\n")
    }
    state = .continued(lines + [String(line.dropLast())])
    return nil
  }
}
