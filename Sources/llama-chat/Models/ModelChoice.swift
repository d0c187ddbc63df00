import Chat
import Foundation
import ModelFile

/// Finds the model that is meant when its path is not given.
struct ModelChoice {
  private let environment = ProcessInfo.processInfo.environment

  /// The path of a model: a file's, or that of a model found by its name.
  ///
  /// - Throws: ``InputError`` when none is called so, or several are.
  func path(named name: String) throws -> String {
    guard !name.isEmpty, !name.contains("/"), access(name, F_OK) != 0 else { return name }
    let found = FoundModels(folders: FoundModels.folders(environment: environment))
    let models = found.models(named: name)
    guard models.count <= 1 else {
      let paths = models.map(\.path).joined(separator: ", ")
      throw InputError(place: name, reason: "may be one of \(paths); say which")
    }
    guard let model = models.first else {
      if let path = found.unusable(named: name) { return path }
      let known = found.models.map(\.file).joined(separator: ", ")
      throw InputError(
        place: name,
        reason: "is no file, and no model in \(found.folders.joined(separator: ", ")) is called so"
          + (known.isEmpty ? "" : "; there are \(known)"), kind: .damagedFile)
    }
    say("model: \(model.path)")
    return model.path
  }

  /// The path of the model to start without being told which: the only one there is, or the last one used, or
  /// the one chosen from a list at the terminal.
  ///
  /// - Throws: ``InputError`` when there is none or nobody to ask.
  func path() throws -> String {
    let found = FoundModels(folders: FoundModels.folders(environment: environment))
    if found.models.count == 1, let only = found.models.first {
      say("model: \(only.path), the only one found")
      return only.path
    }
    if let last = LastModel(environment: environment)?.path {
      let known = found.models.first { absolute($0.path) == last }
      if found.models.count > 1 { say(found.table(marking: known)) }
      say("model: \(known?.path ?? last), the last one used; `llama-chat NAME` starts another")
      return known?.path ?? last
    }
    guard !found.models.isEmpty else {
      throw InputError(
        place: nil,
        reason:
          "no model is named, and none is in \(found.folders.joined(separator: ", ")); name a "
          + "file, or get one: `llama-chat convert SOURCE models/NAME.bin`, or `make chat` in the "
          + "source folder for a small one")
    }
    return try choose(from: found)
  }

  private func choose(from found: FoundModels) throws -> String {
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
      let paths = found.models.map(\.path).joined(separator: ", ")
      throw InputError(place: nil, reason: "no model is named; there are \(paths)")
    }
    say(found.table())
    while true {
      writeAll("Which model? [1-\(found.models.count)] ", to: STDERR_FILENO)
      guard let answer = readLine() else {
        throw InputError(place: nil, reason: "no model was chosen")
      }
      let text = answer.trimmingCharacters(in: .whitespaces)
      if let number = Int(text), let model = found.models.element(numbered: number) {
        return model.path
      }
      let named = found.models(named: text)
      if !text.isEmpty, named.count == 1 { return named[0].path }
    }
  }

  private func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// Only people want to know.
  private func say(_ text: String) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    writeAll(visible(text) + "\n", to: STDERR_FILENO)
  }
}

/// The model of the last conversation, noted in `$XDG_STATE_HOME/llama-chat/last-model`.
struct LastModel {
  private let file: String

  /// `nil` without a home.
  init?(environment: [String: String]) {
    guard let state = UserFolders(environment: environment).state else { return nil }
    file = state + "/last-model"
  }

  /// Its absolute path, if it is still there.
  var path: String? {
    // Without a note, or with a damaged one, there is no last model.
    guard let text = try? TextInput.read(path: file, limit: 8192) else { return nil }
    let path = text.trimmingCharacters(in: .newlines)
    return path.hasPrefix("/") && access(path, F_OK) == 0 ? path : nil
  }

  /// Notes a model.
  func note(_ path: String) {
    let text = URL(fileURLWithPath: path).standardizedFileURL.path + "\n"
    let folder = (file as NSString).deletingLastPathComponent
    // A note that is not written costs a question at the next start; the history file, which is written to
    // the same folder, warns.
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try? OutputFile.write(Array(text.utf8), to: file, isPrivate: true)
  }
}
