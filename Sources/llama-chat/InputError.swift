import ModelFile

/// Input that is not what it should be.
struct InputError: Failure {
  /// What standard input is called.
  static let name = "standard input"

  var place: String? = Self.name
  var reason: String
  var kind = FailureKind.usage
}
