import Foundation
import TestSupport

extension Program {
  /// How a run ended, and what it took.
  struct Measurement {
    var ending: PseudoTerminal.Ending
    var errors: String
    /// Kilobytes resident at most, mapped files counted.
    var kilobytes: Int
    var milliseconds: Double
  }

  /// Whether everything here was built with a sanitizer, whose own memory and time are no measure of ours.
  static let isSanitized = ["ASAN_OPTIONS", "TSAN_OPTIONS"].contains {
    ProcessInfo.processInfo.environment[$0] != nil
  }

  /// Runs the program to its end with no input, and says what it took.
  func measure(_ arguments: [String]) throws -> Measurement {
    let figures = folder.file("figures")
    let helper = (Self.path as NSString).deletingLastPathComponent + "/peak-memory"
    let outcome = try run(helper, [figures, Self.path] + arguments, input: [])
    let text = FileManager.default.contents(atPath: figures) ?? Data()
    let numbers = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .compactMap { Int($0) }
    guard outcome.code == 0, numbers.count == 3 else {
      throw HarnessError(what: "\(helper): \(outcome)", code: 0)
    }
    return Measurement(
      ending: numbers[0] < 0 ? .signal(Int32(-numbers[0])) : .exit(Int32(numbers[0])),
      errors: outcome.errors, kilobytes: numbers[1], milliseconds: Double(numbers[2]) / 1000)
  }
}
