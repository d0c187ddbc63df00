import ModelFile

/// Why a conversion was refused or stopped: the file, what was found there, and what to do.
public struct ConversionError: Failure {
  /// The file or the option the error is about.
  public let place: String?
  /// What was found, what was expected, and what to do about it.
  public let reason: String
  /// The kind of failure, which is the exit code.
  public let kind: FailureKind
}
