import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

/// Files that are damaged, foreign or made to do harm, given to every command that takes a file.
///
/// Each costs one line of text, a documented exit code, and less memory than an editor takes.
@Suite(.serialized) struct HostileFileTests {
  private let program: Program

  init() throws { program = try Program() }

  @Test func everyClassIsInATable() {
    let names = HostileModel.table.map(\.name) + HostileTokenizer.table.map(\.name)
    let classes = Set(names.compactMap { Int($0.prefix { $0 != " " }.dropFirst()) })
    // M37 has a test below; M49 and M50 need a program that runs.
    #expect(classes.union([37, 49, 50]) == Set(1...50))
  }

  @Test func modelsOfEveryClass() throws {
    var tally = HostileRuns(of: "models", by: program)
    try program.folder.write(
      "tokenizer.bin", TinyVocabulary.sentencePiece().tokenizerBin())
    for model in HostileModel.table {
      let path = try program.folder.write("model.bin", model.bytes())
      for arguments in [[path, "--prompt", "Hello", "-n", "2"], ["inspect", "--verify", path]] {
        try tally.run(arguments, model.name, code: model.code, model.message)
      }
    }
    tally.report()
  }

  @Test func tokenizersOfEveryClass() throws {
    var tally = HostileRuns(of: "tokenizers", by: program)
    let model = try program.folder.write("model.bin", HostileModel.sound(.v1))
    for tokenizer in HostileTokenizer.table {
      let path = try program.folder.write("tokenizer", tokenizer.bytes)
      try tally.run(
        [model, "-z", path, "--prompt", "Hello", "-n", "2"], tokenizer.name, code: tokenizer.code,
        tokenizer.message)
    }
    tally.report()
  }

  /// The tables of what converting must refuse.
  private static let sources: [(name: String, damages: [SourceDamage])] = [
    ("safetensors", SourceDamage.damagedSafetensors), ("indices", SourceDamage.damagedIndices),
    ("configurations", SourceDamage.refusedConfigs), ("archives", SourceDamage.damagedArchives),
    ("tensors", SourceDamage.damagedTensors), ("shards", SourceDamage.damagedShards),
    ("pickles", PickleDamage.all.map(\.asSource)),
    (
      "GGUF",
      SourceDamage.ggufCounts + SourceDamage.ggufMetadata + SourceDamage.ggufTensors
        + SourceDamage.refusedModels + SourceDamage.refusedTokenizers
    ),
  ]

  @Test func sourcesOfEveryClass() throws {
    var tally = HostileRuns(of: "sources", by: program)
    let output = program.folder.file("out.bin")
    for (kind, damages) in Self.sources {
      for damage in damages {
        let folder = try TemporaryDirectory()
        let path = try damage.write(TinySources(), folder)
        let name = "\(kind): \(damage)"
        try tally.run(["convert", path, output], name, code: 3, damage.expected)
        #expect(!FileManager.default.fileExists(atPath: output), "\(name)")
      }
    }
    tally.report()
  }

  /// What is no regular file, and names that a terminal would obey.
  @Test("M37: what is no file") func whatIsNoFileIsRefused() throws {
    let folder = program.folder
    var tally = HostileRuns(of: "no files", by: program)
    mkfifo(folder.file("fifo"), 0o600)
    symlink("two", folder.file("one"))
    symlink("one", folder.file("two"))
    let names = [folder.file("fifo"), folder.file("one"), "/dev/zero", "/dev/null", folder.path]
    let escapes = "\u{1B}[2J\u{9B}31m\u{1B}]52;c;eA==\u{7}\u{1B}P1$r\u{1B}\\\r\u{202E}"
    for path in names + [folder.file("x\(escapes).bin")] {
      try tally.refuse([path, "--prompt", "Hello"])
      try tally.refuse(["inspect", path])
      try tally.refuse(["generate", path])
      try tally.refuse(["convert", path, folder.file("out.bin")])
      try tally.refuse([try Models.path(.quick), "-z", path, "--prompt", "Hello"])
    }
    tally.report()
  }

  /// Sizes that a header promises and a sparse file has: nothing is taken on their word.
  @Test func promisesCostNothing() throws {
    var tally = HostileRuns(of: "promises", by: program)
    var header = CheckpointBytes.header(dim: 65536, hidden: 1 << 20, layers: 2, vocabulary: 256)
    let path = try program.folder.write("sparse.bin", header)
    try tally.refuse(["inspect", path])
    header.put(1 << 22, at: 28)
    try tally.refuse(["inspect", try program.folder.write("larger.bin", header)])

    var gguf = GGUFBuilder.tinyLlama()
    gguf.tensorCount = 65_536
    let many = try program.folder.write("many.gguf", gguf.bytes())
    gguf = .tinyLlama()
    gguf.set("long", raw: [8, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 7) + [0x7F])
    let long = try program.folder.write("long.gguf", gguf.bytes())
    let deep = try program.folder.write(
      "deep.json", Array("{\"a\":".utf8) + [UInt8](repeating: 0x5B, count: 1_000_000))
    for path in [many, long, deep] {
      try tally.refuse(["inspect", path])
      try tally.refuse(["convert", path, program.folder.file("out.bin")])
    }
    tally.report()
  }

  /// What errors quote from files is shown and not obeyed.
  @Test func escapesInFilesAreShown() throws {
    var tally = HostileRuns(of: "escapes", by: program)
    let escapes =
      "\u{1B}[2J\u{9B}31m\u{1B}]52;c;eA==\u{7}\u{1B}P1$r\u{1B}\\\r\u{202E}\u{2028}\u{7F}"
    let json = String(
      decoding: try JSONEncoder().encode([escapes]).dropFirst().dropLast(), as: UTF8.self)
    let sources: [SourceDamage] = [
      .gguf("architecture", "") { $0.set("general.architecture", string: escapes) },
      .gguf("tensor", "") { $0.add(escapes, columns: 1, values: [0]) },
      .gguf("key", "") { $0.set(escapes, uint32: 1) },
      .gguf("piece", "") {
        $0.set(
          "tokenizer.ggml.tokens",
          strings: ["<unk>", "<s>", "</s>", "<0x0A>", escapes, escapes, "b", "c"])
      },
      .config("architecture", "", ["architectures": "[\(json)]"]),
      .config("activation", "", ["hidden_act": json]),
      .safetensors("tensor", "") {
        $0.header = "{\(json):{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        $0.tensors = [.init("x", shape: [1], values: [1])]
      },
      .safetensors("type", "") {
        $0.header = "{\"a\":{\"dtype\":\(json),\"shape\":[1],\"data_offsets\":[0,4]}}"
        $0.tensors = [.init("x", shape: [1], values: [1])]
      },
      PickleDamage("global", "") { $0.global("a\u{1B}[2J\u{9B}", "b\u{202E}") }.asSource,
    ]
    for source in sources {
      let folder = try TemporaryDirectory()
      let path = try source.write(TinySources(), folder)
      for arguments in [["convert", path, program.folder.file("out.bin")], ["inspect", path]] {
        try tally.run(arguments, source.name, code: 3, "")
      }
    }
    tally.report()
  }

  /// A pickle that asks for a program: refused by name, and nothing is run.
  @Test func noPickleRuns() throws {
    var tally = HostileRuns(of: "pickles", by: program)
    let mark = program.folder.file("mark")
    var pickle = PickleBuilder()
    pickle.global("posix", "system")
    pickle.raw([UInt8(ascii: "(")])
    pickle.string("touch \(mark)")
    pickle.raw(Array("tR".utf8))
    let archive = PickleBuilder.archive(pickle.ended(), []).bytes()
    let path = try program.folder.write("model.pt", archive)
    try tally.refuse(["convert", path, program.folder.file("out.bin")])
    #expect(try program.run(["inspect", path]).errors.contains("pickle asks for posix.system"))
    #expect(!FileManager.default.fileExists(atPath: mark))
  }

  @Test func aTokenizerInsideIsChecked() throws {
    var tally = HostileRuns(of: "tokenizers inside", by: program)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Models.path(.quick))))
    bytes[bytes.count - 9] ^= 0x40
    let path = try program.folder.write("model.bin", bytes)
    try tally.refuse([path, "--prompt", "Hello"])
  }

  /// Too little address space at every step of starting: an error, or the reply.
  @Test(.enabled(if: !Program.isSanitized, "a sanitizer takes most address space itself"))
  func tooLittleMemoryIsSaid() throws {
    var endings = Set<Int32>()
    let model = try Models.path(.slow)
    for kilobytes in stride(from: 140_000, through: 600_000, by: 20_000) {
      let outcome = try program.shell(
        "ulimit -v \(kilobytes); exec \"$0\" \"$1\" -t 0 -n 2 --ctx 8192 --prompt Hello", [model])
      // Below that the system cannot load the program's libraries, or start one more thread.
      let couldStart = !outcome.errors.contains("shared object")
      guard couldStart else { continue }
      #expect(outcome.reason == .exit, "\(kilobytes) kB: \(outcome)")
      #expect([0, 1, 4].contains(outcome.code), "\(kilobytes) kB: \(outcome)")
      if outcome.code != 0 { #expect(outcome.errors.hasPrefix("error: "), "\(outcome)") }
      endings.insert(outcome.code)
    }
    #expect(endings.isSuperset(of: [0, 4]), "\(endings)")
  }
}

/// Headers of version 2, without anything behind them.
private enum CheckpointBytes {
  static func header(dim: Int32, hidden: Int32, layers: Int32, vocabulary: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let values: [Int32] = [0x616B_3432, 2, dim, hidden, layers, 8, 8, vocabulary, 2048]
    for (index, value) in values.enumerated() { bytes.put(value, at: 4 * index) }
    bytes[36] = 1
    bytes.put(64, at: 37)
    return bytes
  }
}
