import Foundation
import Synchronization

/// A folder that is removed with its value.
public final class TemporaryDirectory: Sendable {
  /// Its path.
  public let path: String

  /// Creates an empty folder.
  public init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("llama-chat-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Lets the folder live as long as the test process, which does not end the life of its globals.
  public func removeAtExit() {
    Self.removedAtExit.withLock { paths in
      if paths.isEmpty {
        atexit {
          TemporaryDirectory.removedAtExit.withLock { paths in
            for path in paths { try? FileManager.default.removeItem(atPath: path) }
          }
        }
      }
      paths.append(path)
    }
  }

  private static let removedAtExit = Mutex<[String]>([])

  /// The path of a file inside.
  public func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file inside and returns its path.
  @discardableResult
  public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}
