import Inference
import ModelFile

extension Repl {
  /// How deep scripts may run scripts.
  static let deepestScript = 8

  /// `:run FILE`: takes the lines of a file as if they were typed; the first failure ends it.
  func runScript(_ path: String) throws {
    guard !path.isEmpty else {
      throw CommandError("run", "expected a file of messages and commands, as in :run demo.txt")
    }
    guard scriptDepth < Self.deepestScript else {
      throw CommandError(
        "run", "scripts run scripts \(Self.deepestScript) deep; does \(path) run itself?")
    }
    let lines = ScriptLines(try TextInput.read(path: path), name: path, cut: .script)
    let outer = mode
    mode = .script
    scriptDepth += 1
    defer {
      mode = outer
      scriptDepth -= 1
    }
    do {
      try takeAll(from: lines)
    } catch let stop as Interrupted {
      guard outer == .interactive else { throw stop }
      output.notice("stopped in \(lines.place ?? path)")
    }
  }
}
