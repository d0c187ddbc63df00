import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Conversion

extension SourceDamage {
  /// Opens the source and checks that the error says what is expected, and is about a damaged file.
  func check() throws {
    let folder = try TemporaryDirectory()
    let path = try write(TinySources(), folder)
    let error = failure { try ModelConverter(path: path) }
    #expect(error?.description.contains(expected) == true, "found: \(error?.description ?? "none")")
    #expect(error?.place?.hasPrefix(folder.path) == true)
    #expect(error?.kind == .damagedFile)
  }
}

/// The error `body` throws, which must have a place and a kind.
func failure(_ body: () throws -> some Any) -> (any Failure)? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? any Failure
  }
}

@Suite struct MalformedSourceTests {
  @Test(arguments: SourceDamage.damagedSafetensors) func refusesSafetensors(damage: SourceDamage)
    throws
  {
    try damage.check()
  }
  @Test(arguments: SourceDamage.refusedConfigs) func refusesConfig(damage: SourceDamage) throws {
    try damage.check()
  }
  @Test(arguments: SourceDamage.damagedIndices) func refusesIndex(damage: SourceDamage) throws {
    try damage.check()
  }

  @Test func everyTruncationIsAnError() throws {
    let folder = try TemporaryDirectory()
    let sources = TinySources()
    let directory = try sources.makeHuggingFace(in: folder)
    let bytes = sources.safetensors().bytes()
    for count in [0, 1, 7, 8, 9, 20, 100, 1000, bytes.count / 2, bytes.count - 1] {
      try folder.write("Tiny/model.safetensors", bytes[..<count])
      #expect(throws: ConversionError.self, "\(count)") { try ModelConverter(path: directory) }
    }
  }
}
