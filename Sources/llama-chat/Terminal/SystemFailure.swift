import Foundation
import ModelFile

/// A system call that failed.
struct SystemFailure: Failure {
  /// The call's name, or what was being done.
  let call: String
  /// Its `errno`.
  let code: Int32
  /// The file concerned.
  var place: String?

  var reason: String { "\(call): \(String(cString: strerror(code)))" }
  var kind: FailureKind { .running }
}
