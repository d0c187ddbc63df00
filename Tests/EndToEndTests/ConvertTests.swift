import Foundation
import TestSupport
import Testing

/// `convert`: one complete file, or none and the reason.
@Suite(.serialized) struct ConvertTests {
  private let program: Program
  private let source: String
  private let output: String

  init() throws {
    program = try Program()
    source = try program.folder.write("tiny.gguf", GGUFBuilder.tinyLlama().bytes())
    output = program.folder.file("tiny.bin")
  }

  @Test(arguments: ["1", "2"])
  func makesOneFileThatIsEnough(version: String) throws {
    let outcome = try program.run(["convert", source, output, "--version", version])
    #expect(outcome.code == 0 && outcome.output.isEmpty)
    #expect(outcome.errors.contains("100 % of") && !outcome.errors.contains("\u{1B}"))
    #expect(try program.run(["inspect", output, "--verify"]).code == 0)
    #expect(try program.run(["generate", output, "-i", "a", "-n", "4"]).code == 0)
  }

  @Test func progressStaysOnOneLineOfATerminal() throws {
    let terminal = try PseudoTerminal(
      Program.path, ["convert", source, output], environment: program.environment, columns: 20)
    #expect(try terminal.ending() == .exit(0))
    let lines = terminal.rawOutput.components(separatedBy: "\r\u{1B}[K").dropFirst()
    #expect(lines.count > 2 && lines.dropLast().allSatisfy { $0.count < 20 }, "\(lines)")
  }

  @Test func quietMeansQuiet() throws {
    let outcome = try program.run(["convert", "-q", source, output, "--version", "1"])
    #expect(outcome.code == 0 && !outcome.errors.contains("%"))
  }

  @Test func nothingIsReplacedUnasked() throws {
    try program.folder.write("tiny.bin", Array("precious".utf8))
    let refused = try program.run(["convert", source, output])
    #expect(refused.code == 2)
    #expect(
      refused.errors == "error: \(output): exists; remove it or allow replacing it (--force)\n")
    #expect(FileManager.default.contents(atPath: output) == Data("precious".utf8))
    #expect(try program.run(["convert", source, output, "--force"]).code == 0)

    let itself = try program.run(["convert", source, source, "--force"])
    #expect(itself.code == 2 && itself.errors.contains("is the input file"))
    #expect(try leftovers() == ["tiny.bin", "tiny.gguf"])
  }

  @Test func mistakesAreNamedInOneLine() throws {
    let mistakes: [(arguments: [String], code: Int32, error: String)] = [
      ([source], 2, "Missing expected argument '<output>'"),
      (
        [source, output, "--version", "3"], 2, "The value '3' is invalid for '--version <version>'"
      ),
      ([source, output, "--group-size", "-4"], 2, "The value '-4' is invalid for '--group-size"),
      ([source, output, "--group-size", "7"], 2, "group size: 7 does not divide"),
      ([source, "/dev/full", "--force"], 2, "/dev/full: is not a regular file"),
      ([source, "/nonexistent/x.bin"], 1, "/nonexistent/x.bin: cannot be created"),
      ([source, ""], 2, "\"\": is not the name of a file"),
      (["/nonexistent", output], 3, "/nonexistent: cannot be opened: No such file"),
      (["/", output], 3, "/: is a directory with neither config.json"),
      (["/dev/zero", output], 3, "/dev/zero: is not a regular file"),
    ]
    for (arguments, code, error) in mistakes {
      let outcome = try program.run(["convert"] + arguments)
      #expect(outcome.code == code && outcome.reason == .exit, "\(arguments): \(outcome)")
      #expect(outcome.errors.hasPrefix("error: " + error), "\(arguments): \(outcome)")
      #expect(outcome.errors.count { $0 == "\n" } == 1, "\(arguments): \(outcome)")
    }
    #expect(try leftovers() == ["tiny.gguf"])
  }

  @Test func aKilledConversionLeavesTheOldFileAndIsReported() throws {
    let large = try largeModel()
    try program.folder.write("tiny.bin", Array("precious".utf8))
    let terminal = try PseudoTerminal(
      Program.path, ["convert", large, output, "--version", "1", "--force"],
      environment: program.environment)
    try terminal.until("a temporary file") {
      (try? leftovers().contains { $0.contains(".part-") }) ?? false
    }
    kill(terminal.process, SIGKILL)
    #expect(try terminal.ending() == .signal(SIGKILL))
    #expect(FileManager.default.contents(atPath: output) == Data("precious".utf8))
    let next = try program.run(["convert", "-q", source, output, "--force"])
    #expect(next.code == 0 && next.errors.contains("left by a conversion that did not end"))
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalLeavesNoFile(signal: Int32) throws {
    let large = try largeModel()
    let terminal = try PseudoTerminal(
      Program.path, ["convert", large, output, "--version", "1"],
      environment: program.environment)
    try terminal.until("a temporary file") {
      (try? leftovers().contains { $0.contains(".part-") }) ?? false
    }
    kill(terminal.process, signal)
    #expect(try terminal.ending() == .signal(signal))
    #expect(try leftovers() == ["large.gguf", "tiny.gguf"])
  }

  @Test func aSizeLimitLeavesNoFile() throws {
    let outcome = try program.shell(
      "ulimit -f 1000; exec \"$0\" convert -q \"$1\" \"$2\" --version 1",
      [try largeModel(), output])
    #expect(outcome.code == 4 && outcome.reason == .exit, "\(outcome)")
    #expect(outcome.errors.hasSuffix("error: \(output): cannot be written: File too large\n"))
    #expect(try leftovers() == ["large.gguf", "tiny.gguf"])
  }

  /// The files of models, whole or not.
  private func leftovers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
      .filter { $0.contains(".bin") || $0.contains(".gguf") }.sorted()
  }

  /// A model of 400 MB of zeros, none of which is on the disk.
  private func largeModel() throws -> String {
    let (width, blocks) = (1 << 20, 4)
    var builder = GGUFBuilder.tinyLlama()
    builder.set("llama.feed_forward_length", uint32: UInt32(width))
    builder.set("llama.block_count", uint32: UInt32(blocks))
    let block = builder.tensors.filter { $0.name.hasPrefix("blk.0.") }
    for number in 1..<blocks {
      builder.tensors += block.map { tensor in
        var tensor = tensor
        tensor.name.replaceSubrange(
          tensor.name.startIndex..<tensor.name.index(tensor.name.startIndex, offsetBy: 6),
          with: "blk.\(number).")
        return tensor
      }
    }
    var offset: UInt64 = 0
    for index in builder.tensors.indices {
      let dimensions = builder.tensors[index].dimensions.map { $0 == 16 ? UInt64(width) : $0 }
      builder.tensors[index].dimensions = dimensions
      builder.tensors[index].offset = offset
      offset += (dimensions.reduce(4, *) + 31) / 32 * 32
    }
    let path = try program.folder.write("large.gguf", builder.header())
    let header = UInt64(builder.header().count + 31) / 32 * 32
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: header + offset)
    return path
  }
}
