/// What is wrong with a model file, or why one cannot be written.
public struct ModelFileError: Failure, Hashable {
  /// The file, when it is known where the error is made.
  public var path: String?
  /// What was found, what was expected, and what to do about it.
  public var reason: String
  /// The kind of failure, which is the exit code.
  public var kind: FailureKind

  /// Creates an error.
  public init(_ reason: String, path: String? = nil, kind: FailureKind = .damagedFile) {
    self.path = path
    self.reason = reason
    self.kind = kind
  }

  /// The path.
  public var place: String? { path }

  /// The same error with the file's path, unless it has one.
  public func at(_ path: String) -> ModelFileError {
    ModelFileError(reason, path: self.path ?? path, kind: kind)
  }
}

extension ModelFileError {
  /// A failed system call on `path`: `cannot be opened: Permission denied`.
  ///
  /// Its kind is ``FailureKind/doesNotFit`` when disk or memory is full, else `kind`.
  init(_ action: String, _ error: SystemError, path: String, kind: FailureKind = .damagedFile) {
    self.init(
      "\(action): \(error.text)", path: path, kind: error.isFull ? .doesNotFit : kind)
  }
}
