import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// Torch archives that must not be believed.
@Suite struct MalformedTorchTests {
  @Test(arguments: SourceDamage.damagedArchives) func refusesArchive(damage: SourceDamage) throws {
    try damage.check()
  }

  @Test(arguments: PickleDamage.all) func refusesPickle(_ test: PickleDamage) throws {
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

  @Test(arguments: SourceDamage.damagedTensors) func refusesTensor(damage: SourceDamage) throws {
    try damage.check()
  }

  @Test(arguments: SourceDamage.damagedShards) func refusesShards(damage: SourceDamage) throws {
    try damage.check()
  }

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
