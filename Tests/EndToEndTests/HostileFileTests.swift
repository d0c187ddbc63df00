import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

/// Files that are damaged, foreign or made to do harm, given to every command that takes a file.
///
/// What is wrong with each is said by the tests of the libraries; here is what it costs: one line of text, a
/// documented exit code, and less memory than an editor takes.
@Suite(.serialized) struct HostileFileTests {
  private let program: Program
  /// What the program may have resident, its libraries included.
  private static let mostKilobytes = 64 * 1024

  init() throws { program = try Program() }

  private func expectRefusal(
    _ arguments: [String], _ codes: [Int32] = [3], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try program.measure(arguments)
    let what: Comment = "\(arguments): \(run)"
    guard case .exit(let code) = run.ending, codes.contains(code) else {
      Issue.record(what, sourceLocation: sourceLocation)
      return
    }
    let lines = run.errors.split(separator: "\n").filter { !$0.hasPrefix("warning: ") }
    #expect(lines.count == 1, what, sourceLocation: sourceLocation)
    #expect(lines.first?.hasPrefix("error: ") == true, what, sourceLocation: sourceLocation)
    #expect(run.errors.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 && $0 != 0x7F }, what)
    #expect(run.peakKilobytes ?? 0 < Self.mostKilobytes, what, sourceLocation: sourceLocation)
  }

  /// Changes to a sound version 2 file, and what the exit code may be.
  private static let changes: [(name: String, change: @Sendable (inout [UInt8]) -> Void)] = [
    ("empty", { $0 = [] }), ("27 bytes", { $0 = Array($0.prefix(27)) }),
    ("header only", { $0 = Array($0.prefix(256)) }),
    ("half", { $0 = Array($0.prefix($0.count / 2)) }),
    ("one byte less", { $0.removeLast() }), ("one byte more", { $0.append(0) }),
    ("192 bytes more", { $0 += [UInt8](repeating: 7, count: 192) }),
    ("big-endian", { $0.replaceSubrange(0..<4, with: $0[0..<4].reversed()) }),
    ("version 9", { $0.put(9, at: 4) }), ("dim 0", { $0.put(0, at: 8) }),
    ("dim -64", { $0.put(-64, at: 8) }), ("hidden 2^31-1", { $0.put(.max, at: 12) }),
    ("layers 2^30", { $0.put(1 << 30, at: 16) }), ("layers 1024", { $0.put(1024, at: 16) }),
    ("heads 0", { $0.put(0, at: 20) }), ("heads 7", { $0.put(7, at: 20) }),
    ("kv heads 3", { $0.put(3, at: 24) }), ("vocabulary 2^31", { $0.put(.min, at: 28) }),
    ("vocabulary 2^22", { $0.put(1 << 22, at: 28) }), ("context -1", { $0.put(-1, at: 32) }),
    ("shared 7", { $0[36] = 7 }),
    ("group 2^31-1", { $0.put(.max, at: 37) }), ("checksum", { $0[253] ^= 1 }),
    ("foreign", { $0.replaceSubrange(0..<4, with: Array("GGUF".utf8)) }),
    ("zip", { $0.replaceSubrange(0..<4, with: [0x50, 0x4B, 3, 4]) }),
    ("pointer", { $0 = Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8) }),
    ("page", { $0 = Array("<!DOCTYPE html><title>\u{1B}]0;x\u{7}</title>".utf8) }),
    ("safetensors", { $0 = [0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0] + Array("{\"a\":1".utf8) }),
    ("tokenizer section", { $0[$0.count - 9] ^= 0x40 }),
  ]

  @Test func modelsAreRefusedAtSmallCost() throws {
    let sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Models.path(.quick))))
    for (name, change) in Self.changes {
      var bytes = sound
      change(&bytes)
      let path = try program.folder.write("\(name).bin", bytes)
      try expectRefusal([path, "--prompt", "Hello", "-n", "2"])
      guard name != "tokenizer section" else { continue }
      try expectRefusal(["inspect", path])
    }
  }

  /// What is no regular file, and names that a terminal would obey.
  @Test func whatIsNoFileIsRefused() throws {
    let folder = program.folder
    mkfifo(folder.file("fifo"), 0o600)
    symlink("two", folder.file("one"))
    symlink("one", folder.file("two"))
    let names = [folder.file("fifo"), folder.file("one"), "/dev/zero", "/dev/null", folder.path]
    let escapes = "\u{1B}[2J\u{9B}31m\u{1B}]52;c;eA==\u{7}\u{1B}P1$r\u{1B}\\\r\u{202E}"
    for path in names + [folder.file("x\(escapes).bin")] {
      try expectRefusal([path, "--prompt", "Hello"])
      try expectRefusal(["inspect", path])
      try expectRefusal(["generate", path])
      try expectRefusal(["convert", path, folder.file("out.bin")])
      try expectRefusal([try Models.path(.quick), "-z", path, "--prompt", "Hello"])
    }
  }

  /// Sizes that a header promises and a sparse file has: nothing is taken on their word.
  @Test func promisesCostNothing() throws {
    var header = CheckpointBytes.header(dim: 65536, hidden: 1 << 20, layers: 2, vocabulary: 256)
    let path = try program.folder.write("sparse.bin", header)
    try expectRefusal(["inspect", path])
    header.put(1 << 22, at: 28)
    try expectRefusal(["inspect", try program.folder.write("larger.bin", header)])

    var gguf = GGUFBuilder.tinyLlama()
    gguf.tensorCount = 65_536
    let many = try program.folder.write("many.gguf", gguf.bytes())
    gguf = .tinyLlama()
    gguf.set("long", raw: [8, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 7) + [0x7F])
    let long = try program.folder.write("long.gguf", gguf.bytes())
    let deep = try program.folder.write(
      "deep.json", Array("{\"a\":".utf8) + [UInt8](repeating: 0x5B, count: 1_000_000))
    for path in [many, long, deep] {
      try expectRefusal(["inspect", path])
      try expectRefusal(["convert", path, program.folder.file("out.bin")])
    }
  }

  /// A pickle that asks for a program: refused by name, and nothing is run.
  @Test func noPickleRuns() throws {
    let mark = program.folder.file("mark")
    var pickle = PickleBuilder()
    pickle.global("posix", "system")
    pickle.raw([UInt8(ascii: "(")])
    pickle.string("touch \(mark)")
    pickle.raw(Array("tR".utf8))
    let archive = PickleBuilder.archive(pickle.ended(), []).bytes()
    let path = try program.folder.write("model.pt", archive)
    try expectRefusal(["convert", path, program.folder.file("out.bin")])
    #expect(try program.run(["inspect", path]).errors.contains("pickle asks for posix.system"))
    #expect(!FileManager.default.fileExists(atPath: mark))
  }

  /// Too little address space at every step of starting: an error, or the reply.
  @Test func tooLittleMemoryIsSaid() throws {
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

extension [UInt8] {
  fileprivate mutating func put(_ value: Int32, at offset: Int) {
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * Int32(index)))
    }
  }
}
