import Foundation
import TestSupport
import Testing

/// A chat of very many turns, whose context overflows again and again.
///
/// `make soak` takes 10,000 turns and prints what they took.
@Suite struct SoakTests {
  private static let turns =
    ProcessInfo.processInfo.environment["LLAMA_CHAT_SOAK"].flatMap { Int($0) } ?? 300

  #if os(Linux)
    @Test func memoryStaysAsItIs() throws {
      let program = try Program()
      let questions = (1...Self.turns).map { "Go \($0)\n" }
      let soak = try Soak(
        program, try Models.arguments(.quick) + ["--stdin", "lines", "--ctx", "128"],
        input: Array(questions.joined().utf8))
      try soak.watch()

      #expect(soak.ending == .exit(0), "\(soak.errors.suffix(500))")
      #expect(soak.replies == Self.turns)
      let overflows = soak.errors.count { $0.contains("dropped") }
      #expect(overflows > Self.turns / 20, "\(soak.errors.suffix(5))")
      let growth = soak.peak - soak.early
      print(
        "soak: \(soak.replies) turns, \(overflows) overflows of the context, peak \(soak.peak) kB,"
          + " \(growth) kB more than after a tenth of them")
      // What is left out of the context is kept for :history and :export: the text itself, and no more.
      // A sanitizer keeps what is given back for a while.
      if !Program.isSanitized { #expect(growth < 2048 + Self.turns, "\(growth) kB") }
    }
  #endif
}

#if os(Linux)
  /// A run whose memory is looked at as it goes.
  private final class Soak {
    private let process = Process()
    private let output: String
    private let errorPath: String
    private(set) var ending = PseudoTerminal.Ending.exit(-1)
    private(set) var early = 0
    private(set) var peak = 0
    private let expected: Int

    init(_ program: Program, _ arguments: [String], input: [UInt8]) throws {
      expected = input.count { $0 == 0x0A }
      output = try program.folder.write("soak-out", [])
      errorPath = try program.folder.write("soak-err", [])
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = arguments
      process.environment = program.environment
      process.standardInput = FileHandle(
        forReadingAtPath: try program.folder.write("soak-in", input))
      process.standardOutput = FileHandle(forWritingAtPath: output)
      process.standardError = FileHandle(forWritingAtPath: errorPath)
      try process.run()
    }

    /// Replies so far: each ends its line.
    var replies: Int {
      (FileManager.default.contents(atPath: output) ?? Data()).count { $0 == 0x0A }
    }
    var errors: [Substring] {
      String(decoding: FileManager.default.contents(atPath: errorPath) ?? Data(), as: UTF8.self)
        .split(separator: "\n")
    }

    func watch() throws {
      while process.isRunning {
        let status = try? String(
          contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        if let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
          peak = kilobytes
          if early == 0, replies >= expected / 10 { early = kilobytes }
        }
        usleep(20_000)
      }
      process.waitUntilExit()
      ending =
        process.terminationReason == .exit
        ? .exit(process.terminationStatus) : .signal(process.terminationStatus)
    }
  }
#endif
