import ModelFile

/// A tokenizer that cannot be read or used.
public struct TokenizerError: Failure, Hashable {
  /// The file, when the tokenizer comes from one.
  public var place: String?
  /// What was found, what was expected, and what to do about it.
  public var reason: String
  /// A tokenizer is always read from a file or must match one, which is damaged unless something else failed.
  public var kind = FailureKind.damagedFile

  /// Creates an error.
  public init(place: String? = nil, reason: String, kind: FailureKind = .damagedFile) {
    self.place = place
    self.reason = reason
    self.kind = kind
  }

  /// Runs `body`; when it fails, says where, unless the error already does.
  static func at<Result>(_ place: String?, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as any Failure {
      throw TokenizerError(place: error.place ?? place, reason: error.reason, kind: error.kind)
    }
  }
}
