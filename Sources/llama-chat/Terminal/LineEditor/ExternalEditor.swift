import Foundation

/// Editing a text with the user's own editor.
enum ExternalEditor {
  /// Opens `text` in `$VISUAL`, `$EDITOR` or `vi` and returns what was saved, without a final newline.
  ///
  /// - Parameter terminal: The stream that is the terminal, to be the editor's standard output.
  /// - Throws: ``SystemFailure``, also when the editor ends with a failure.
  static func edit(_ text: String, terminal: Int32) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let names = [environment["VISUAL"], environment["EDITOR"], "vi"]
    let command = names.compactMap { $0 }.first { !$0.isEmpty } ?? "vi"

    let folder = FileManager.default.temporaryDirectory.path
    var template = Array((folder + "/llama-chat-XXXXXX.md").utf8CString)
    let file = mkstemps(&template, 3)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard file >= 0 else { throw SystemFailure(call: "cannot create", code: errno, place: path) }
    var isKept = false
    defer { if !isKept { unlink(path) } }
    let written = writeAll(text + "\n", to: file)
    guard close(file) == 0, written else {
      throw SystemFailure(call: "cannot write", code: errno, place: path)
    }

    let status = try run(["sh", "-c", command + " \"$1\"", "sh", path], terminal: terminal)
    let data = FileManager.default.contents(atPath: path)
    let edited = data.map { String(decoding: $0, as: UTF8.self) }
    guard status == 0, let edited else {
      // What was saved before the editor failed may be long work.
      isKept = edited != text + "\n" && edited?.isEmpty == false
      let saved = isKept ? "; what it saved is in \(path)" : ""
      throw InputError(
        place: command, reason: "\(Self.ending(status)); the text is unchanged\(saved)")
    }
    return edited.hasSuffix("\n") ? String(edited.dropLast()) : edited
  }

  /// Opens `text` as ``edit(_:terminal:)`` does, between two prompts: meanwhile the terminal is as the
  /// shell wants it.
  static func editBetweenPrompts(_ text: String, terminal: Int32) throws -> String {
    TerminalModes.restore()
    Signals.enter(.away)
    defer {
      _ = Signals.takePending()
      Signals.enter(.busy)
      TerminalModes.enterBusy()
    }
    return try edit(text, terminal: terminal)
  }

  /// How a child ended, by what `waitpid` says: a signal in the lowest seven bits, else a status above eight.
  private static func ending(_ status: Int32) -> String {
    status & 0x7F == 0
      ? "ended with status \(status >> 8 & 0xFF)" : "ended by signal \(status & 0x7F)"
  }

  /// Runs `/bin/sh` with `arguments` in the foreground and returns its status.
  private static func run(_ arguments: [String], terminal: Int32) throws -> Int32 {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, terminal, STDOUT_FILENO)

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for argument in argv { free(argument) } }
    argv.append(nil)
    var child: pid_t = 0
    let code = posix_spawn(&child, "/bin/sh", &actions, nil, argv, environ)
    guard code == 0 else { throw SystemFailure(call: "cannot run an editor", code: code) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { throw SystemFailure(call: "waitpid", code: errno) }
    }
    return status
  }
}
