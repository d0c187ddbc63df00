import Foundation
import TestSupport

extension Program {
  /// How a run ended, and the most memory it had.
  struct Measurement {
    var ending: PseudoTerminal.Ending
    var errors: String
    /// Kilobytes resident at most, mapped files counted; `nil` when it was less than this process had, which
    /// Linux counts as the child's until that has a program of its own.
    var peakKilobytes: Int?
  }

  /// Runs the program to its end with no input and what it prints left out, and says what it took.
  func measure(_ arguments: [String]) throws -> Measurement {
    let errors = try folder.write("measured-errors", [])
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_TRUNC, 0)
    var argv = ([Self.path] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + variables { free(text) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, Self.path, &actions, nil, &argv, &variables)
    guard code == 0 else { throw HarnessError(what: "cannot start \(Self.path)", code: code) }

    var status: Int32 = 0
    var usage = rusage()
    while wait4(child, &status, 0, &usage) < 0 {
      guard errno == EINTR else { throw HarnessError(what: "wait4", code: errno) }
    }
    #if canImport(Darwin)
      let peak: Int? = usage.ru_maxrss / 1024
    #else
      var own = rusage()
      getrusage(RUSAGE_SELF.rawValue, &own)
      let peak = usage.ru_maxrss > own.ru_maxrss ? usage.ru_maxrss : nil
    #endif
    let signal = status & 0x7F
    return Measurement(
      ending: signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal),
      errors: String(
        decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self),
      peakKilobytes: peak)
  }
}
