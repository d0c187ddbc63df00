import Chat
import Foundation
import ModelFile

/// What was typed in earlier sessions: one JSON string per line, oldest first.
///
/// Each entry is appended in one write, so that several terminals can share the file and a crash loses
/// nothing. The file belongs to the user alone.
final class HistoryFile {
  /// The most entries kept.
  static let capacity = 5000
  /// The most bytes kept: messages may be whole documents.
  static let byteCapacity = 16 << 20

  private let path: String
  private let warn: (String) -> Void
  private var works = true

  /// A history in the file at `path`; `warn` is told once when it cannot be read or written.
  init(path: String, warn: @escaping (String) -> Void) {
    self.path = path
    self.warn = warn
  }

  /// `history` in the user's folder for state; `nil` without a home.
  static func defaultPath(environment: [String: String]) -> String? {
    UserFolders(environment: environment).state.map { $0 + "/history" }
  }

  /// The entries, oldest first; lines that are no JSON string are skipped.
  ///
  /// An overlong file is trimmed.
  func load() -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else {
      if access(path, F_OK) == 0 { fail("cannot read", code: errno) }
      return []
    }
    let lines = data.split(separator: UInt8(ascii: "\n"))
    let kept = Self.newest(of: lines)
    if kept.count < lines.count { trim(to: kept) }
    return kept.compactMap { try? JSONDecoder().decode(String.self, from: $0) }
  }

  /// As many lines as are kept.
  private static func newest(of lines: [Data]) -> ArraySlice<Data> {
    var rest = byteCapacity
    let few = lines.suffix(capacity)
    let tooOld = few.lastIndex { line in
      rest -= line.count + 1
      return rest < 0
    }
    return tooOld.map { few[($0 + 1)...] } ?? few
  }

  /// Adds an entry to the file.
  func append(_ entry: String) {
    guard works, let line = Self.encode(entry) else { return }
    let folder = (path as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      return fail("cannot create its folder", code: errno)
    }
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { return fail("cannot write", code: errno) }
    defer { close(file) }
    if !writeAll(line + "\n", to: file) { fail("cannot write", code: errno) }
  }

  private static func encode(_ entry: String) -> String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(entry)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Replaces the file at once by its newest lines; one that cannot be replaced grows on.
  private func trim(to lines: ArraySlice<Data>) {
    do {
      try OutputFile.write(
        Array(lines.joined(separator: [0x0A])) + [0x0A], to: path, isPrivate: true)
    } catch {
      warn("\(error.description); history is not shortened")
    }
  }

  private func fail(_ action: String, code: Int32) {
    guard works else { return }
    works = false
    warn("\(SystemFailure(call: action, code: code, place: path)); history is not kept")
  }
}
