import Foundation

/// Recorded models, vectors and transcripts, kept outside the repository.
public enum TestData {
  /// The folder: `$LLAMA_CHAT_TEST_DATA`, else `../shared/data` beside the checkout.
  public static let folder: String? = {
    let beside = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("shared/data").path
    let named = ProcessInfo.processInfo.environment["LLAMA_CHAT_TEST_DATA"]
    return [named, beside].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }
  }()

  /// Whether recorded data is there; `.enabled(if: TestData.isAvailable, "needs recorded data")`
  /// makes a test say that it is skipped.
  public static var isAvailable: Bool { folder != nil }

  /// The path of a recorded file.
  public static func path(_ name: String) -> String { (folder ?? "/nonexistent") + "/" + name }

  /// The bytes of a recorded file.
  public static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }
}
