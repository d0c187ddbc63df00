import Foundation
import ModelFile
import TestSupport
import Testing

@Suite("Mapped files")
struct MappedFileTests {
  let folder: TemporaryDirectory
  init() throws { folder = try TemporaryDirectory() }

  private func reason(_ path: String) throws -> String {
    let error = try #require(throws: ModelFileError.self) { try Checkpoint(path: path) }
    #expect(error.place == path)
    #expect(error.kind == .damagedFile)
    return error.reason
  }

  @Test func whatIsNotAFileIsNamed() throws {
    let fifo = folder.file("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    let loop = folder.file("loop")
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
    #expect(try reason(folder.file("none")) == "cannot be opened: No such file or directory")
    #expect(try reason("") == "cannot be opened: No such file or directory")
    #expect(try reason(folder.path) == "is a directory, not a file")
    #expect(try reason(fifo).hasPrefix("is not a regular file"))
    #expect(try reason("/dev/zero").hasPrefix("is not a regular file"))
    #expect(try reason(loop).contains("symbolic links"))
  }

  @Test func aPathIsNotCutAtNUL() throws {
    let path = folder.file("model.bin")
    try TinyModel.write(to: path)
    #expect(try reason(path + "\0.txt").contains("No such file"))
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func anUnreadableFileIsNamed() throws {
    let path = try folder.write("model.bin", [1])
    #expect(chmod(path, 0) == 0)
    #expect(try reason(path) == "cannot be opened: Permission denied")
  }

  @Test func anEmptyFileHasNoBytes() throws {
    #expect(try MappedFile(path: folder.write("empty", [])).bytes.isEmpty)
  }

  @Test func aChangeIsNoticedAndAReplacementHarmless() throws {
    let path = folder.file("model.bin")
    try TinyModel.write(to: path)
    let checkpoint = try Checkpoint(path: path)
    try TinyModel.write(to: path, seed: 2, overwrite: true)
    try checkpoint.checkUnchanged()
    let replaced = try Checkpoint(path: path)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.truncate(atOffset: 1000)
    let error = try #require(throws: ModelFileError.self) { try replaced.checkUnchanged() }
    #expect(error.reason.contains("1,000 now"))
    try FileManager.default.removeItem(atPath: path)
    try checkpoint.checkUnchanged()
    try checkpoint.verify()
  }

  /// A sparse 7B file: 7.2 GB that take no disk, with one value and its scale above 2^32 set.
  @Test func tensorsBeyondFourGigabytesAreFound() throws {
    let config = ModelConfig(
      dim: 4096, hiddenDim: 11008, layers: 32, heads: 32, kvHeads: 32, vocabSize: 32000,
      contextLength: 4096, sharedClassifier: false)
    let layout = try TensorLayout(config: config, format: .v2(groupSize: 64))
    let span = try #require(layout.span(.classifier))
    #expect(span.offset > 1 << 32)
    var header: [UInt8] = []
    for value in [0x616b_3432, 2, 4096, 11008, 32, 32, 32, 32000, 4096] as [Int32] {
      header.append(littleEndian: value)
    }
    header.append(0)
    header.append(littleEndian: Int32(64))
    let path = try folder.write("sparse.bin", header)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.truncate(atOffset: UInt64(layout.weightsEnd))
    try file.seek(toOffset: UInt64(span.offset + span.elementCount - 1))
    try file.write(contentsOf: [100])
    var scale: [UInt8] = []
    scale.append(float: 0.25)
    try file.seek(toOffset: UInt64(layout.weightsEnd - 4))
    try file.write(contentsOf: scale)
    try file.close()

    let checkpoint = try Checkpoint(path: path)
    defer { withExtendedLifetime(checkpoint) {} }
    #expect(checkpoint.fileSize == 7_160_348_928)
    let view = checkpoint.tensor(.classifier)
    guard case .int8(let values, let scales, let groupSize) = view.values else {
      Issue.record("the classifier should be int8")
      return
    }
    #expect(groupSize == 64)
    #expect(values[span.elementCount - 1] == 100)
    #expect(scales[span.scaleCount - 1] == 0.25)
    #expect(values[span.elementCount - 2] == 0)
  }
}
