import Foundation
import TestSupport

/// The program in a terminal that keeps a screen, as a person's does: tmux, with a server of its own.
final class Tmux {
  /// Whether there is one to be used.
  static var isThere: Bool { program != nil }

  private static let program: String? = {
    let paths: [String] = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/opt/homebrew/bin/tmux"]
    return paths.first { access($0, X_OK) == 0 }
  }()

  private let folder = Result { try TemporaryDirectory() }
  private let home: TemporaryDirectory

  /// Starts `llama-chat` with these arguments.
  init(_ program: Program, _ arguments: [String], columns: Int, rows: Int) throws {
    home = program.folder
    let settings = """
      set -g status off
      set -g remain-on-exit on
      set -s set-clipboard on
      set -g default-terminal screen-256color
      """
    try folder.get().write("conf", Array(settings.utf8))
    var environment = program.environment
    environment["TERM"] = "screen-256color"
    let variables = environment.map { "\($0.key)=\($0.value)" }
    _ = try tell(
      ["new-session", "-d", "-x", String(columns), "-y", String(rows), "--", "/usr/bin/env", "-i"]
        + variables + [Program.path] + arguments)
  }

  deinit { _ = try? tell("kill-server") }

  /// Types text as it is.
  func type(_ text: String) throws { try tell("send-keys", "-l", "--", text) }

  /// Presses a key by its name.
  func press(_ key: String) throws { try tell("send-keys", key) }

  /// Pastes text as a terminal does.
  func paste(_ text: String) throws {
    try folder.get().write("paste", Array(text.utf8))
    try tell("load-buffer", folder.get().file("paste"))
    try tell("paste-buffer", "-p", "-r", "-d")
  }

  func resize(columns: Int, rows: Int) throws {
    try tell("resize-window", "-x", String(columns), "-y", String(rows))
  }

  /// The rows on the screen without blanks at their ends.
  func screen() throws -> [String] {
    try tell("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }

  /// All that is on the screen and that has left it at the top, without blanks and line breaks, so that it is the same
  /// in any width.
  func everything() throws -> String {
    try tell("capture-pane", "-p", "-S", "-").filter { !$0.isWhitespace }
  }

  /// Waits until the screen meets a condition.
  func until(_ what: String, _ condition: ([String]) throws -> Bool) throws {
    let deadline = ContinuousClock.now + PseudoTerminal.patience
    while try !condition(screen()) {
      guard ContinuousClock.now < deadline else {
        throw HarnessError(what: "no \(what) on the screen: \(try screen())", code: 0)
      }
      usleep(20_000)
    }
  }

  /// Gives tmux a command; what it printed.
  @discardableResult
  func tell(_ command: String...) throws -> String { try tell(command) }

  private func tell(_ command: [String]) throws -> String {
    let folder = try folder.get()
    // A file, and no Process: the server lives on and would keep open what they wait for.
    let path = try folder.write("output", [])
    let arguments =
      [
        Self.program ?? "/usr/bin/tmux", "-u", "-S", folder.file("socket"), "-f",
        folder.file("conf"),
      ]
      + command
    let status = try spawn(
      arguments, environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home.path],
      output: path)
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    guard status == 0 else {
      throw HarnessError(what: "tmux \(command.first ?? ""): \(text)", code: 0)
    }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  /// Runs a program to its end with its output in a file; its status.
  private func spawn(
    _ arguments: [String], environment: [String: String], output: String
  ) throws -> Int32 {
    let child = try startProcess(arguments, environment: environment) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status
  }
}
