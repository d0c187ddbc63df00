import ArgumentParser
import Foundation
import Inference
import ModelFile

/// Turns errors into one line on standard error and an exit code.
enum Report {
  /// Ends the program the way `error` asks for: help and version quietly, everything else with
  /// `error: PLACE: REASON`.
  static func exit(with error: any Error) -> Never {
    if error is Interrupted { Signals.endAsRequested() }
    if let failure = error as? any Failure {
      problem(failure.description)
      Foundation.exit(failure.kind.rawValue)
    }
    let code = LlamaChat.exitCode(for: error)
    if code == .validationFailure {
      let text = LlamaChat.message(for: error)
      let sentence = text.hasSuffix(".") ? String(text.dropLast()) : text
      problem("\(sentence); see `\(helpCommand(for: error))`")
      Foundation.exit(FailureKind.usage.rawValue)
    }
    if error is ExitCode || code == .success {
      LlamaChat.exit(withError: error)
    }
    problem(String(describing: error))
    Foundation.exit(FailureKind.running.rawValue)
  }

  /// `llama-chat generate --help` for a mistake in its arguments, as ArgumentParser's full text names
  /// it.
  private static func helpCommand(for error: any Error) -> String {
    let lines = LlamaChat.fullMessage(for: error).split(separator: "\n")
    let quoted = lines.last { $0.hasPrefix("  See '") }?.split(separator: "'").dropFirst().first
    guard let quoted, !quoted.contains("<") else { return "llama-chat --help" }
    return String(quoted)
  }

  /// Writes `error: TEXT` as one line.
  static func problem(_ text: String) { write("error: " + visible(text, singleLine: true)) }

  /// Writes `warning: TEXT` as one line.
  static func warning(_ text: String) { write("warning: " + visible(text, singleLine: true)) }

  /// Writes what is odd about a model file.
  static func warnings(of checkpoint: Checkpoint) {
    for text in checkpoint.warnings { warning("\(checkpoint.path): \(text)") }
  }

  private static func write(_ text: String) {
    writeAll(text + "\n", to: STDERR_FILENO)
  }
}
