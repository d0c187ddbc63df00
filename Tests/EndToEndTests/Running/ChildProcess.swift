import Foundation

#if canImport(Darwin)
  typealias FileActions = posix_spawn_file_actions_t?
#else
  typealias FileActions = posix_spawn_file_actions_t
#endif

/// Starts a program with exactly this environment, and without the signals that threads of the test runner block.
///
/// - Parameters:
///   - arguments: The program's path first.
///   - flags: Of the spawn, besides those it needs.
///   - open: Says what its standard streams are.
/// - Returns: Its process.
func startProcess(
  _ arguments: [String], environment: [String: String], flags: Int16 = 0,
  open: (inout FileActions) -> Void
) throws -> pid_t {
  #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
    var attributes: posix_spawnattr_t?
  #else
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
  #endif
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  open(&actions)
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, flags | Int16(POSIX_SPAWN_SETSIGMASK))
  var argv = arguments.map { strdup($0) } + [nil]
  var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { for text in argv + variables { free(text) } }
  var child: pid_t = 0
  let code = posix_spawn(&child, arguments[0], &actions, &attributes, &argv, &variables)
  guard code == 0 else { throw HarnessError(what: "cannot start \(arguments[0])", code: code) }
  return child
}

/// Whether a process still runs: one that has ended does not, though its parent may not have asked for its status.
///
/// tmux sometimes does not notice that a program has ended.
func isRunning(_ process: pid_t) -> Bool {
  kill(process, 0) == 0 && processFields(process).first != "Z"
}

/// What Linux tells of a process in its `stat` file after the name: the state first; nothing on other systems.
func processFields(_ process: pid_t) -> [Substring] {
  let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") ?? Data()
  let text = String(decoding: data, as: UTF8.self)
  // The name stands in parentheses, and may hold anything.
  guard let nameEnd = text.lastIndex(of: ")") else { return [] }
  return text[text.index(after: nameEnd)...].split(separator: " ")
}
