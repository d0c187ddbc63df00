import Foundation
import TestSupport
import Testing

/// Runs on hostile files: each is checked, and what they took is told together.
struct HostileRuns {
  private let what: String
  private let program: Program
  private var count = 0
  private var kilobytes = 0
  private var milliseconds = 0.0

  /// What the program may have resident, its libraries included.
  private static let mostKilobytes = 64 * 1024

  init(of what: String, by program: Program) {
    (self.what, self.program) = (what, program)
  }

  /// A run that must end with a code, and but for code 0 with one line that says `message`.
  mutating func run(
    _ arguments: [String], _ name: String, code: Int32, _ message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try program.measure(arguments)
    let comment: Comment = "\(name): \(arguments): \(run)"
    #expect(run.ending == .exit(code), comment, sourceLocation: sourceLocation)
    let lines = run.errors.split(separator: "\n").filter { !$0.hasPrefix("warning: ") }
    if code != 0 {
      #expect(lines.count == 1, comment, sourceLocation: sourceLocation)
      #expect(lines.first?.hasPrefix("error: ") == true, comment, sourceLocation: sourceLocation)
      #expect(
        message.isEmpty || run.errors.contains(message), comment, sourceLocation: sourceLocation)
    }
    #expect(Self.isText(run.errors), comment, sourceLocation: sourceLocation)
    if !Program.isSanitized {
      #expect(run.kilobytes < Self.mostKilobytes, comment, sourceLocation: sourceLocation)
    }
    count += 1
    kilobytes = max(kilobytes, run.kilobytes)
    milliseconds = max(milliseconds, run.milliseconds)
  }

  /// Whether a terminal obeys nothing in it but the ends of lines.
  private static func isText(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x0A, 0x20...0x7E: true
      case 0..<0xA0, 0x2028...0x202E, 0x2066...0x2069: false
      default: true
      }
    }
  }

  /// A run that must end with code 3.
  mutating func refuse(
    _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try run(arguments, what, code: 3, "", sourceLocation: sourceLocation)
  }

  /// Prints what the runs took at most.
  func report() {
    print(
      "hostile \(what): \(count) runs, 0 signals, peak \(kilobytes / 1024) MB, slowest"
        + " \(Int(milliseconds.rounded())) ms")
  }
}
