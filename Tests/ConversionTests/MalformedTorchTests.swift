import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// Torch archives that must not be believed.
@Suite struct MalformedTorchTests {
  static let archives: [SourceDamage] = [
    archive("compressed", "is compressed") { $0.entries[0].method = 8 },
    archive("encrypted", "is encrypted") { $0.entries[0].flags = 1 },
    archive("local name", "has another name in its own header") {
      $0.entries[0].localName = "archive/evil.pkl"
    },
    archive("local size", "says something else") { $0.entries[2].localSize = 1 },
    archive("central size", "says something else") { $0.entries[2].centralSize = 1 },
    archive("past the end", "past the archive's directory") { archive in
      archive.entries[2].centralSize = 1 << 30
      archive.entries[2].localSize = 1 << 30
    },
    archive("offset", "is said to be at byte") { $0.entries[2].centralOffset = 0x7FFF_FFFF },
    archive("overlap", "says something else") { $0.entries[3].centralOffset = 0 },
    archive("duplicate", "occurs twice") { $0.entries.append($0.entries[1]) },
    archive("two pickles", "has 2 entries */data.pkl") { archive in
      var entry = archive.entries[0]
      entry.name = "other/data.pkl"
      archive.entries.append(entry)
    },
    archive("no pickle", "has 0 entries */data.pkl") { $0.entries.removeFirst() },
    archive("count", "zip directory, entry") { $0.count = 60_000 },
    archive("directory", "zip directory") { $0.directoryOffset = 0x7FFF_0000 },
    archive("checksum", "its CRC-32 is not what the directory says") { $0.entries[0].checksum = 7 },
    archive("big-endian", "big-endian") { archive in
      archive.entries[1].content = Array("big".utf8)
    },
    archive("storage missing", "which the archive does not have") { $0.entries.remove(at: 4) },
    archive("storage size", "whose entry") { $0.entries[4].content.removeLast() },
    SourceDamage("cut short", "has no zip directory at its end") { sources, folder in
      try folder.write("ckpt.pt", sources.checkpoint().bytes().dropLast(30))
    },
    SourceDamage("no arguments", "has no 'model_args' and 'model'") { sources, folder in
      try folder.write("ckpt.pt", PickleBuilder.stateFile(sources.metaShard(0, of: 1)).bytes())
    },
  ]

  private static func archive(
    _ name: String, _ expected: String, _ change: @escaping @Sendable (inout ZipBuilder) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      var archive = sources.checkpoint()
      change(&archive)
      return try folder.write("ckpt.pt", archive.bytes())
    }
  }

  /// A pickle, and what the error must say.
  struct PickleCase: CustomTestStringConvertible, Sendable {
    let name: String
    let expected: String
    let bytes: [UInt8]
    var testDescription: String { name }

    init(_ name: String, _ expected: String, _ make: (inout PickleBuilder) -> Void) {
      self.name = name
      self.expected = expected
      var builder = PickleBuilder()
      make(&builder)
      bytes = builder.ended()
    }
  }

  private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  static let pickles: [PickleCase] = [
    PickleCase("system", "refused: pickle asks for posix.system at byte 2") {
      $0.global("posix", "system")
    },
    PickleCase("eval", "refused: pickle asks for builtins.eval") { $0.global("builtins", "eval") },
    PickleCase("lookalike", "refused: pickle asks for collections.OrderedDict.x") {
      $0.global("collections", "OrderedDict.x")
    },
    PickleCase("endless name", "has a name of more than 256 bytes") {
      $0.global(String(repeating: "a", count: 300), "b")
    },
    PickleCase("storage as function", "refused: pickle calls torch.FloatStorage") {
      $0.global("torch", "FloatStorage")
      $0.raw(ascii(")R"))
    },
    PickleCase("call of a number", "refused: a call of no known name") { builder in
      builder.int(1)
      builder.raw(ascii(")R"))
    },
    PickleCase("arguments", "an OrderedDict with arguments") { builder in
      builder.global("collections", "OrderedDict")
      builder.tuple([1])
      builder.raw(ascii("R"))
    },
    PickleCase("STACK_GLOBAL", "opcode 0x93") { $0.raw([0x93]) },
    PickleCase("NEWOBJ", "opcode 0x81") { $0.raw([0x81]) },
    PickleCase("INST", "opcode 'i'") { $0.raw(ascii("i")) },
    PickleCase("OBJ", "opcode 'o'") { $0.raw(ascii("o")) },
    PickleCase("EXT1", "opcode 0x82") { $0.raw([0x82, 1]) },
    PickleCase("protocol 4", "protocol 4") { $0.raw([0x80, 4]) },
    PickleCase("frame", "opcode 0x95") { $0.raw([0x95]) },
    PickleCase("empty stack", "takes more from the stack") { $0.raw([0x85]) },
    PickleCase("no mark", "there is no mark") { $0.raw(ascii("t")) },
    PickleCase("pop under mark", "takes more from the stack") { $0.raw(ascii("N(") + [0x85]) },
    PickleCase("append to a number", "expected a list") { $0.raw(ascii("K") + [1] + ascii("Na")) },
    PickleCase("odd items", "expected a dictionary and pairs") { $0.raw(ascii("}(Nu")) },
    PickleCase("build of a list", "expected an OrderedDict") { $0.raw(ascii("]}b")) },
    PickleCase("memo", "memo 9 is empty") { $0.raw(ascii("h") + [9]) },
    PickleCase("far memo", "cannot be filled") { $0.raw(ascii("Nr") + le(UInt32.max)) },
    PickleCase("long integer", "has an integer of 9 bytes") { $0.raw([0x8A, 9] + [UInt8](1...9)) },
    PickleCase("long text", "needs 4,294,967,295 bytes") { $0.raw(ascii("X") + le(UInt32.max)) },
    PickleCase("text", "is not UTF-8") { $0.raw(ascii("X") + le(UInt32(1)) + [0xFF]) },
    PickleCase("two values", "does not end with its one value") { $0.raw(ascii("NN")) },
    PickleCase("no value", "does not end with its one value") { _ in },
    PickleCase("open mark", "does not end with its one value") { $0.raw(ascii("N(")) },
    PickleCase("reference", "refused: the reference at byte") { $0.raw(ascii("NQ")) },
    PickleCase("tall stack", "needs more stack, memo or members") {
      $0.raw([UInt8](repeating: UInt8(ascii: "N"), count: 100_002))
    },
  ]

  @Test(arguments: archives) func refusesArchive(damage: SourceDamage) throws {
    try damage.check()
  }

  @Test(arguments: pickles) func refusesPickle(_ test: PickleCase) throws {
    let problem = #expect(throws: PickleDecoder.Problem.self) {
      try test.bytes.withUnsafeBytes { try PickleDecoder.decode($0) }
    }
    #expect(problem?.reason.contains(test.expected) == true, "found: \(problem?.reason ?? "")")
  }

  @Test func nestingCostsNothing() throws {
    // Near a million tuples, each in the next: freeing them must not recurse.
    var builder = PickleBuilder()
    builder.raw([UInt8(ascii: "N")] + [UInt8](repeating: 0x85, count: 990_000))
    let pickle = try builder.ended().withUnsafeBytes { try PickleDecoder.decode($0) }
    #expect(pickle.members(of: pickle.root) == nil)
    builder.raw([UInt8](repeating: 0x85, count: 20_000))
    #expect(throws: PickleDecoder.Problem.self) {
      try builder.ended().withUnsafeBytes { try PickleDecoder.decode($0) }
    }
  }

  @Test func everyCutAndFlippedByteOfAPickleIsHandled() throws {
    var builder = PickleBuilder()
    builder.stateDictionary([.init("a", shape: [2, 2], values: [1, 2, 3, 4])])
    let bytes = builder.ended()
    for count in 0..<bytes.count {
      #expect(throws: PickleDecoder.Problem.self) {
        try bytes[..<count].withUnsafeBytes { try PickleDecoder.decode($0) }
      }
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        _ = try? flipped.withUnsafeBytes { try PickleDecoder.decode($0) }
      }
    }
  }

  static let tensors: [SourceDamage] = [
    tensor("strides", "has the strides [1, 64]") { $0.strides = [1, 64] },
    tensor("offset", "reaches past the end of its storage") { $0.offset = 1 },
    tensor("shape", "reaches past the end of its storage") { $0.shape = [65, 64] },
    tensor("overflow", "has the impossible shape") {
      $0.shape = [Int(Int32.max), Int(Int32.max), Int(Int32.max)]
      $0.strides = [1, 1, 1]
    },
    tensor("empty", "has the impossible shape [0, 64]") { $0.shape = [0, 64] },
    tensor("count", "whose entry") { $0.storageCount = 5 },
    tensor("type", "is of torch.LongStorage") { $0.storage = "LongStorage" },
  ]

  private static func tensor(
    _ name: String, _ expected: String,
    _ change: @escaping @Sendable (inout PickleBuilder.Tensor) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      var tensors = sources.metaShard(0, of: 1)
      for index in tensors.indices where tensors[index].name == "layers.1.attention.wq.weight" {
        change(&tensors[index])
      }
      try folder.write(
        "Tiny/consolidated.00.pth", PickleBuilder.stateFile(tensors).bytes())
      return directory
    }
  }

  @Test(arguments: tensors) func refusesTensor(damage: SourceDamage) throws { try damage.check() }

  static let shards: [SourceDamage] = [
    SourceDamage("gap", "has consolidated.01.pth where consolidated.00.pth is expected") {
      sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.00.pth")
      return directory
    },
    SourceDamage("one missing", "rows of") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.01.pth")
      return directory
    },
    SourceDamage("norms differ", "'norm.weight' differs between shards") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      var tensors = sources.metaShard(1, of: 2)
      for index in tensors.indices {
        tensors[index].storage = "BFloat16Storage"
        if tensors[index].name == "norm.weight" { tensors[index].values[3] = 2 }
      }
      try folder.write("Tiny/consolidated.01.pth", PickleBuilder.stateFile(tensors).bytes())
      return directory
    },
    SourceDamage("types differ", "is of different types in different shards") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try folder.write(
        "Tiny/consolidated.01.pth", PickleBuilder.stateFile(sources.metaShard(1, of: 2)).bytes())
      return directory
    },
    SourceDamage("no weights", "no consolidated.00.pth") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.00.pth")
      return directory
    },
    SourceDamage("no width", "lacks 'dim'") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      try folder.write("Tiny/params.json", Array("{}".utf8))
      return directory
    },
    SourceDamage("scaled RoPE", "use_scaled_rope") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      let json = #"{"dim": 64, "n_layers": 2, "n_heads": 4, "use_scaled_rope": true}"#
      try folder.write("Tiny/params.json", Array(json.utf8))
      return directory
    },
  ]

  @Test(arguments: shards) func refusesShards(damage: SourceDamage) throws { try damage.check() }

  @Test func damagedValuesAreNamed() throws {
    let folder = try TemporaryDirectory()
    let sources = TinySources()
    var tensors = sources.metaShard(0, of: 1)
    for index in tensors.indices where tensors[index].name == "layers.0.feed_forward.w2.weight" {
      tensors[index].values[1000] = .infinity
    }
    let directory = try sources.writeMeta(in: folder, shards: 1)
    try folder.write("Tiny/consolidated.00.pth", PickleBuilder.stateFile(tensors).bytes())
    let converter = try ModelConverter(path: directory)
    let error = #expect(throws: ConversionError.self) {
      try converter.convert(
        to: folder.file("out.bin"), version: 2, groupSize: nil, overwrite: false
      ) { _, _, _ in }
    }
    #expect(
      error?.reason.hasPrefix("tensor 'layers.0.feed_forward.w2.weight' has inf at index 1000")
        == true)
    #expect(error?.kind == .damagedNumbers)
    #expect(!FileManager.default.fileExists(atPath: folder.file("out.bin")))
  }
}
