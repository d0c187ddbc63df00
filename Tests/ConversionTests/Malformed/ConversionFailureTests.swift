import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// Conversions that must not happen, and leave nothing behind.
@Suite struct ConversionFailureTests {
  private let folder: TemporaryDirectory
  private let source: String

  init() throws {
    folder = try TemporaryDirectory()
    source = try folder.write("model.gguf", GGUFBuilder.tinyLlama().bytes())
  }

  @Test(
    arguments: [
      (-1, nil, "version: -1 cannot be written"), (3, nil, "version: 3 cannot be written"),
      (1, 8, "group size: only version 2 has groups"),
      (2, 0, "group size: 0 does not divide"), (2, -8, "group size: -8 does not divide"),
      (2, 3, "group size: 3 does not divide"), (2, 16, "group size: 16 does not divide"),
    ] as [(Int, Int?, String)])
  func wrongRequest(version: Int, groupSize: Int?, expected: String) throws {
    let error = #expect(throws: ConversionError.self) {
      try convert(version: version, groupSize: groupSize)
    }
    #expect(error?.description.contains(expected) == true, "found: \(error?.description ?? "")")
    #expect(error?.kind == .usage)
    #expect(try files() == ["model.gguf"])
  }

  @Test func damagedNumbersNameTensorAndIndex() throws {
    for (bits, name) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
      var builder = GGUFBuilder.tinyLlama()
      builder.change("blk.0.ffn_up.weight") { tensor in
        tensor.data.replaceSubrange(4 * 77..<4 * 78, with: le(bits.bitPattern))
      }
      try folder.write("model.gguf", builder.bytes())
      let error = #expect(throws: ConversionError.self) { try convert(version: 2) }
      let expected = "tensor 'blk.0.ffn_up.weight' has \(name) at index 77"
      #expect(error?.reason.contains(expected) == true, "found: \(error?.reason ?? "")")
      #expect(error?.kind == .damagedNumbers)
      #expect(error?.place == source)
      #expect(try files() == ["model.gguf"])
    }
  }

  @Test func refusesToReplaceTheSource() throws {
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.bin"), withDestinationPath: source)
    for target in [source, folder.file("link.bin")] {
      let error = #expect(throws: ModelFileError.self) {
        try convert(version: 1, to: target, overwrite: true)
      }
      #expect(error?.kind == .usage)
    }
    let kept = try Data(contentsOf: URL(fileURLWithPath: source))
    #expect([UInt8](kept) == GGUFBuilder.tinyLlama().bytes())
  }

  @Test func keepsAnExistingFileUnlessAskedTo() throws {
    let target = try folder.write("model.bin", [1, 2, 3])
    #expect(throws: ModelFileError.self) { try convert(version: 1) }
    #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: target))) == [1, 2, 3])
    try convert(version: 1, overwrite: true)
    #expect(try Checkpoint(path: target).format == .v1)
  }

  @Test func stoppingLeavesNoFile() throws {
    struct Stop: Error {}
    for step in [1, 5, 11] {
      var count = 0
      #expect(throws: Stop.self) {
        try ModelConverter(source: GGUFModel(path: source)).convert(
          to: folder.file("model.bin"), version: 2, groupSize: nil, overwrite: false
        ) { _, _, _ in
          count += 1
          if count == step { throw Stop() }
        }
      }
      #expect(try files() == ["model.gguf"])
    }
  }

  @Test func sourceThatChangesMeanwhileIsNoticed() throws {
    let converter = try ModelConverter(source: GGUFModel(path: source))
    let whole = GGUFBuilder.tinyLlama().bytes()
    let error = #expect(throws: ConversionError.self) {
      try converter.convert(
        to: folder.file("model.bin"), version: 1, groupSize: nil, overwrite: false
      ) { _, _, _ in
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: source))
        try handle.truncate(atOffset: UInt64(whole.count) - 1)
        try handle.close()
      }
    }
    #expect(error?.place == source)
    #expect(try files() == ["model.gguf"])
  }

  private func convert(
    version: Int, groupSize: Int? = nil, to target: String? = nil, overwrite: Bool = false
  ) throws {
    try ModelConverter(source: GGUFModel(path: source)).convert(
      to: target ?? folder.file("model.bin"), version: version, groupSize: groupSize,
      overwrite: overwrite
    ) { _, _, _ in }
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
  }
}
