import Foundation
import TestSupport
import Testing

@testable import ModelFile

@Suite struct SequentialReaderTests {
  @Test func readsInOrderWithItsChecksum() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("x", Array("123456789".utf8))
    let file = try SequentialReader(path: path)
    #expect(file.size == 9)
    #expect(try file.read(count: 4) == Array("1234".utf8))
    #expect(try file.read(count: 5) == Array("56789".utf8))
    #expect(try file.read(count: 0).isEmpty)
    #expect(file.checksum == 0xCBF4_3926)
    let error = #expect(throws: ModelFileError.self) { try file.read(count: 1) }
    #expect(error?.reason == "is 9 bytes; expected 1 more after byte 9")
    #expect(throws: ModelFileError.self) { try file.read(count: -1) }
    #expect(throws: ModelFileError.self) { try file.read(count: .max) }
  }

  @Test func aFileCutShortMeanwhileIsAnError() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("x", [UInt8](repeating: 1, count: 100))
    let file = try SequentialReader(path: path)
    _ = try file.read(count: 10)
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 50)
    let error = #expect(throws: ModelFileError.self) { try file.read(count: 60) }
    #expect(error?.reason == "ends at byte 50; expected 70 bytes")
  }

  @Test func onlyFilesOfTheirSizeAreRead() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("x", [1, 2, 3])
    let error = #expect(throws: ModelFileError.self) {
      try SequentialReader(path: path, limit: 2)
    }
    #expect(error?.reason == "is 3 bytes; expected at most 2 bytes")
    #expect(throws: ModelFileError.self) { try SequentialReader(path: directory.path) }
    #expect(throws: ModelFileError.self) { try SequentialReader(path: "/dev/null") }
  }

  @Test func privateFilesAreTheOwnersAlone() throws {
    let directory = try TemporaryDirectory()
    try OutputFile.write([1], to: directory.file("x"), isPrivate: true)
    let attributes = try FileManager.default.attributesOfItem(atPath: directory.file("x"))
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }
}
