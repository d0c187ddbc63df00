import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

/// Sources of other kinds on the command line: found by looking, inspected, converted once for a chat.
@Suite(.serialized) struct SourceTests {
  private let program: Program
  private let cache: String
  private let source: String

  init() throws {
    let folder = try TemporaryDirectory()
    cache = folder.file("cache")
    program = try Program(["XDG_CACHE_HOME": cache])
    source = try TinySources().writeHuggingFace(in: program.folder)
    folder.removeAtExit()
  }

  private func cached() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: cache + "/llama-chat").sorted()
  }

  @Test func anyVersionAndBack() throws {
    let output = program.folder.file("out.bin")
    for version in ["0", "1", "2"] {
      let outcome = try program.run(["convert", source, output, "--version", version, "--force"])
      #expect(outcome.code == 0, "\(outcome)")
      #expect(try program.run(["inspect", output, "--verify"]).code == 0)
    }
    let directory = program.folder.file("back")
    let outcome = try program.run(["convert", output, directory, "--to", "safetensors"])
    #expect(outcome.code == 0, "\(outcome)")
    #expect(try program.run(["inspect", directory, "--verify"]).code == 0)
  }

  /// Weights that do not fit on the disk leave an earlier export as it was.
  @Test func anExportThatFailsLeavesTheOldOne() throws {
    let output = program.folder.file("out.bin")
    let directory = program.folder.file("hf")
    #expect(try program.run(["convert", "-q", source, output]).code == 0)
    let export = ["convert", "-q", output, directory, "--to", "safetensors"]
    #expect(try program.run(export).code == 0)
    let failed = try program.shell(
      "{ (ulimit -f 8; exec \"$0\" \"$@\" 2>&1); echo \"code $?\"; } | cat", export + ["--force"])
    #expect(failed.output.contains("model.safetensors: cannot be written: File too large\n"))
    #expect(failed.output.hasSuffix("code 4\n"), "\(failed)")
    #expect(try program.run(["inspect", directory, "--verify"]).code == 0)
  }

  @Test func inspectTellsWhatASourceIs() throws {
    let outcome = try program.run(["inspect", source, "--verify"])
    #expect(outcome.code == 0)
    for text in [
      "a Hugging Face directory", "n_heads        4 of 16, 2 KV heads", "F32",
      "SentencePiece BPE, 512 pieces", "as version 2", "verified       every value is finite",
    ] {
      #expect(outcome.output.contains(text), "\(text): \(outcome)")
    }
    let output = program.folder.file("out.bin")
    #expect(try program.run(["convert", "-q", source, output]).code == 0)
    let against = try program.run(["inspect", output, "--against", source])
    #expect(against.code == 0 && against.output.contains("worst tensor: 0."), "\(against)")
    let same = try program.run(["inspect", source, "--against", source])
    #expect(same.output.hasSuffix("all values are equal\n"))
  }

  @Test func aTokenizerBecomesATokenizerBin() throws {
    let output = program.folder.file("tokenizer.bin")
    let outcome = try program.run(["convert", source + "/tokenizer.model", output])
    #expect(outcome.code == 0, "\(outcome)")
    #expect(
      FileManager.default.contents(atPath: output)
        == Data(try TinyVocabulary.sentencePiece().tokenizerBin()))
    #expect(try program.run(["convert", source + "/tokenizer.model", output]).code == 2)
  }

  @Test func aSourceIsConvertedOnceForAChat() throws {
    let arguments = [source, "--prompt", "Hello", "-n", "2", "-t", "0"]
    let unasked = try program.run(arguments)
    #expect(unasked.code == 2 && unasked.errors.contains("pass --yes"), "\(unasked)")
    #expect(try cached().isEmpty)

    let first = try program.run(arguments + ["--yes"])
    #expect(first.code == 0 && first.errors.contains("it is converted once to"), "\(first)")
    #expect(try cached().count == 2)
    let second = try program.run(arguments)
    #expect(second.code == 0 && !second.errors.contains("converted"), "\(second)")
    #expect(second.output == first.output)

    let config = source + "/config.json"
    let text = try String(contentsOfFile: config, encoding: .utf8)
    try Data((text + " ").utf8).write(to: URL(fileURLWithPath: config))
    let changed = try program.run(arguments + ["--yes"])
    #expect(changed.code == 0 && changed.errors.contains("has changed since"), "\(changed)")
    #expect(try cached().count == 2)
  }

  /// A tokenizer of a kind that only conversion reads goes into the file, and is not read again.
  @Test func aTokenizerIsConvertedWithTheModel() throws {
    let vocabulary = TinyVocabulary.chatML()
    var metadata = ModelMetadata()
    metadata.tokenizer = vocabulary.kind
    metadata.tokenCount = vocabulary.count
    metadata.template = .chatML
    let model = program.folder.file("chatml.bin")
    try TinyModel.write(
      to: model, config: TinyModel.config, metadata: metadata,
      tokenizerSection: try vocabulary.section())
    let source = program.folder.file("exported")
    let export = try program.run(["convert", model, source, "--to", "safetensors"])
    #expect(export.code == 0, "\(export)")
    let tokenizer = source + "/tokenizer.json"
    let arguments = [source, "-z", tokenizer, "--prompt", "Hello", "-n", "2", "-t", "0"]
    let first = try program.run(arguments + ["--yes"])
    #expect(first.code == 0 && first.errors.contains("it is converted once to"), "\(first)")
    let second = try program.run(arguments)
    #expect(second.code == 0 && !second.errors.contains("converted"), "\(second)")
    #expect(second.output == first.output)
    // The converted file itself is not a source.
    let file = try #require(try cached().first { $0.hasSuffix(".bin") })
    let wrong = try program.run(
      ["\(cache)/llama-chat/\(file)", "-z", source + "/config.json", "--prompt", "Hello"])
    #expect(wrong.code == 3 && wrong.errors.contains("config.json"), "\(wrong)")
  }

  @Test func aTerminalIsAsked() throws {
    let terminal = try PseudoTerminal(
      Program.path, ["generate", source, "-n", "4", "-i", "a"], environment: program.environment,
      columns: 80)
    try terminal.until("the question") { terminal.rawOutput.contains("[Y/n] ") }
    try terminal.type("n\r")
    #expect(try terminal.ending() == .exit(2))
    #expect(try cached().isEmpty)
  }

  @Test func leftoversAreReported() throws {
    let output = program.folder.file("out.bin")
    try program.folder.write(".out.bin.part-4194303", [1, 2, 3])
    try program.folder.write(".out.bin.part-4194303-2", [1, 2])
    let outcome = try program.run(["convert", "-q", source, output])
    #expect(outcome.code == 0)
    #expect(
      outcome.errors.contains(
        ".out.bin.part-4194303: 3 bytes left by a conversion that did not end"))
    #expect(outcome.errors.contains(".out.bin.part-4194303-2: 2 bytes left by"))
    // In a container the next run has the same number.
    let again = try program.shell(
      "printf 1234 > .again.bin.part-$$; exec \"$0\" convert -q \"$1\" again.bin", [source])
    #expect(again.code == 0 && again.errors.contains(": 4 bytes left by a conversion"), "\(again)")
  }

  @Test func foreignFilesGetAName() throws {
    let folder = program.folder
    let sources: [(name: String, bytes: [UInt8], error: String)] = [
      ("a.pt", [0x80, 2, 0x8A, 0x0A] + [UInt8](repeating: 0, count: 60), "old Python pickle"),
      ("b.zip", PickleBuilder.stateFile([]).bytes(), "has no 'model_args'"),
      ("c.html", Array("<!DOCTYPE html><html><body>Not found</body></html>".utf8), "HTML"),
      ("d", [], "is empty"),
    ]
    for (name, bytes, error) in sources {
      let path = try folder.write(name, bytes)
      let outcome = try program.run(["convert", path, folder.file("out.bin")])
      #expect(outcome.code == 3 && outcome.errors.contains(error), "\(outcome)")
      #expect(outcome.errors.count { $0 == "\n" } == 1)
    }
  }
}
