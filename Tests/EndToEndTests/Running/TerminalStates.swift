import Foundation

/// What a person sees of the program's state.
extension PseudoTerminal {
  /// Waits until the model says something: its reply begins below the line that was sent.
  func expectReply() throws {
    try expectBusy()
    try expect("\n")
    // How much of a long prompt is read stands there first.
    repeat { try expectText() } while isInProgressLine
  }

  /// The modes a new pseudo-terminal has.
  func originalModes() throws -> [UInt8] {
    let program = try Program()
    return try PseudoTerminal("/bin/cat", [], environment: program.environment).modes
  }

  /// Whether the last word about bracketed paste was to switch it on.
  var pasteMarksAreOn: Bool {
    rawOutput.ranges(of: "\u{1B}[?2004").last.map { rawOutput[$0.upperBound...].hasPrefix("h") }
      ?? false
  }

  /// Types a line and waits for the next prompt.
  func send(_ line: String) throws {
    try type(line + "\r")
    try expectPrompt()
  }
}
