import Foundation
import TestSupport

extension Program {
  /// What a run gave.
  struct Outcome {
    var output: String
    var errors: String
    var code: Int32
    var reason: Process.TerminationReason
  }

  /// Runs the program to its end, with files for its three streams.
  func run(_ arguments: [String], input: [UInt8] = []) throws -> Outcome {
    try run(Self.path, arguments, input: input)
  }

  /// Runs a shell command to its end; `$0` is the program, `$1` and so on are `arguments`.
  func shell(_ command: String, _ arguments: [String] = []) throws -> Outcome {
    try run("/bin/bash", ["-c", command, Self.path] + arguments, input: [])
  }

  /// Runs another program to its end, as if it were this one.
  func run(
    _ executable: String, _ arguments: [String], input: [UInt8]
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let files = try ["in", "out", "err"].map { name in
      let path = try folder.write(name, name == "in" ? input : [])
      guard let file = FileHandle(forUpdatingAtPath: path) else {
        throw HarnessError(what: path, code: errno)
      }
      return file
    }
    (process.standardInput, process.standardOutput, process.standardError) =
      (files[0], files[1], files[2])
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) -> String {
      String(
        decoding: FileManager.default.contents(atPath: folder.file(name)) ?? Data(), as: UTF8.self)
    }
    return Outcome(
      output: text("out"), errors: text("err"), code: process.terminationStatus,
      reason: process.terminationReason)
  }
}
