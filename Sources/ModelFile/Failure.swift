/// What a failure means to the shell that started the program: its exit code.
public enum FailureKind: Int32, Sendable {
  /// Something failed while running.
  case running = 1
  /// Wrong usage: an argument, an option, a script line.
  case usage = 2
  /// A file is missing, damaged, foreign, or does not match another.
  case damagedFile = 3
  /// It does not fit: memory, disk or context.
  case doesNotFit = 4
  /// The numbers are damaged: NaN or infinity where there must be none.
  case damagedNumbers = 5
}

/// An error with a place: where it is, what was found there, and what was expected.
///
/// Every error the libraries throw conforms; the program prints `error: PLACE: REASON` and exits with
/// the code of ``kind``. Texts are plain; escaping for a terminal is the printer's work.
public protocol Failure: Error, CustomStringConvertible {
  /// Where: a file path, a field, an option; `nil` when the reason says it all.
  var place: String? { get }
  /// What was found, what was expected, and what to do about it.
  var reason: String { get }
  /// The kind of failure, which is the exit code.
  var kind: FailureKind { get }
}

extension Failure {
  /// `PLACE: REASON`.
  public var description: String {
    guard let place else { return reason }
    return "\(place.isEmpty ? "\"\"" : place): \(reason)"
  }
}
