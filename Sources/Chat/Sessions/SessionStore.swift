import Foundation
import ModelFile

/// The folders that saved chats are kept in.
///
/// Each chat is `NAME.chat`, and its keys and values, when they were saved too, are `NAME.kv` beside it.
public struct SessionStore: Sendable {
  /// Where `:save` puts chats.
  public let folder: String
  /// Where every chat is kept after each turn.
  public let autosaveFolder: String

  /// The most chats kept without being asked to.
  public static let autosaveCapacity = 200

  /// A store in two folders, which need not exist.
  public init(folder: String, autosaveFolder: String) {
    self.folder = folder
    self.autosaveFolder = autosaveFolder
  }

  /// The store of this user: `$XDG_DATA_HOME/llama-chat/sessions` and `$XDG_STATE_HOME/llama-chat/autosave`, by
  /// default under `~/.local/share` and `~/.local/state`; `nil` without a home.
  public init?(environment: [String: String]) {
    let folders = UserFolders(environment: environment)
    guard let data = folders.data, let state = folders.state else { return nil }
    self.init(folder: data + "/sessions", autosaveFolder: state + "/autosave")
  }

  /// One file of a store.
  public struct Entry: Sendable {
    /// Its name without ending.
    public var name: String
    /// Its path.
    public var path: String
    /// Whether it was kept without being asked to.
    public var isAutosave: Bool
    /// When it was last written, in seconds since 1970.
    public var changedAt: Double
  }

  /// - Throws: ``SessionNameError`` when a folder is there and cannot be read.
  func checkFolders() throws {
    for path in [folder, autosaveFolder] {
      guard let directory = opendir(path) else {
        let code = errno
        if code == ENOENT { continue }
        throw SessionNameError(
          place: path, reason: "cannot be read: \(String(cString: strerror(code)))", kind: .running)
      }
      closedir(directory)
    }
  }

  /// All saved chats, the latest first; what is in the files is not looked at.
  public var entries: [Entry] {
    let all =
      Self.entries(of: folder, isAutosave: false)
      + Self.entries(of: autosaveFolder, isAutosave: true)
    return all.sorted { ($0.changedAt, $0.name) > ($1.changedAt, $1.name) }
  }

  private static func entries(of folder: String, isAutosave: Bool) -> [Entry] {
    // A folder that is not there holds nothing.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasSuffix(ending), !name.hasPrefix("."),
        let status = try? System.status(of: folder + "/" + name), status.kind == .regular
      else { return nil }
      return Entry(
        name: String(name.dropLast(ending.count)), path: folder + "/" + name,
        isAutosave: isAutosave,
        changedAt: Double(status.version.seconds) + Double(status.version.nanoseconds) * 1e-9)
    }
  }

  static let ending = ".chat"

  /// The path that a chat of that name is saved to.
  ///
  /// - Throws: ``SessionNameError`` for a name of other characters than letters, digits, `.`, `_`, `-`.
  func path(named name: String) throws -> String {
    try Self.check(name)
    return folder + "/" + name + Self.ending
  }

  /// The path of a saved chat: one saved by name, else one kept without being asked to.
  ///
  /// - Throws: ``SessionNameError``.
  func existingPath(named name: String) throws -> String {
    try Self.check(name)
    try checkFolders()
    let names = entries
    let found = names.first { $0.name == name && !$0.isAutosave } ?? names.first { $0.name == name }
    if let found { return found.path }
    let hint =
      if let close = closest(to: name, among: names.map(\.name)) {
        "did you mean \(close)?"
      } else if names.isEmpty {
        "there are none in \(folder)"
      } else {
        ":sessions lists them"
      }
    throw SessionNameError(reason: "no saved chat \"\(name)\"; \(hint)")
  }

  /// The path of the chat saved by that name; `nil` when there is none.
  public func savedPath(named name: String) -> String? {
    entries.first { $0.name == name && !$0.isAutosave }?.path
  }

  private static func check(_ name: String) throws {
    let isName = name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
      default: false
      }
    }
    guard isName, let first = name.first, first != ".", first != "-", first != "_",
      name.utf8.count <= 200
    else {
      throw SessionNameError(
        reason:
          "expected a name of letters, digits, \".\", \"_\" and \"-\" that begins with a letter"
          + " or digit, got \"\(name)\"", kind: .usage)
    }
  }

  /// Where the keys and values of a chat are.
  static func kvPath(for path: String) -> String {
    (path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : path) + ".kv"
  }

  /// Makes a folder that only its owner may enter.
  ///
  /// - Throws: ``SessionNameError`` with the folder and the reason.
  static func create(folder: String) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      let reason = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      throw SessionNameError(
        place: folder,
        reason: "cannot be created: \(reason?.localizedDescription ?? error.localizedDescription)",
        kind: .running)
    }
  }

  /// Removes the oldest chats beyond the capacity, and what killed programs left half written.
  func trimAutosaves() {
    let old = Self.entries(of: autosaveFolder, isAutosave: true)
      .sorted { ($0.changedAt, $0.name) > ($1.changedAt, $1.name) }
    for entry in old.dropFirst(Self.autosaveCapacity) { System.remove(entry.path) }
    let hourAgo = Date().timeIntervalSince1970 - 3600
    for folder in [folder, autosaveFolder] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names where name.hasPrefix(".") && name.contains(".part-") {
        let path = folder + "/" + name
        guard let status = try? System.status(of: path), status.kind == .regular,
          Double(status.version.seconds) < hourAgo
        else { continue }
        System.remove(path)
      }
    }
  }
}

/// A saved chat that cannot be found or named so, or no place for one.
public struct SessionNameError: Failure, Hashable {
  /// The folder, where one is meant.
  public var place: String?
  /// See ``Failure/reason``.
  public let reason: String
  /// See ``Failure/kind``.
  public var kind = FailureKind.damagedFile
}
