import Foundation
import TestSupport
import Testing

@testable import ModelFile

@Suite("Checkpoint writer")
struct CheckpointWriterTests {
  let folder: TemporaryDirectory
  let path: String

  init() throws {
    folder = try TemporaryDirectory()
    path = folder.file("model.bin")
  }

  private var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
  }

  private func writer(
    _ config: ModelConfig = TinyModel.config, format: CheckpointFormat = .v1,
    overwrite: Bool = false, inputs: [String] = [], write: @escaping OutputFile.Write = System.write
  ) throws -> CheckpointWriter {
    try CheckpointWriter(
      path: path, config: config, format: format, metadata: ModelMetadata(), tokenizerSection: nil,
      overwrite: overwrite, inputs: inputs, write: write)
  }

  private func expectError(
    _ kind: FailureKind, _ message: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) throws {
    let error = try #require(throws: ModelFileError.self, sourceLocation: sourceLocation) {
      try body()
    }
    #expect(error.reason.contains(message), "\(error)", sourceLocation: sourceLocation)
    #expect(error.kind == kind, sourceLocation: sourceLocation)
    #expect(error.path == path, sourceLocation: sourceLocation)
  }

  // MARK: - The disk

  @Test func aFullDiskLeavesTheOldFileAndNoOther() throws {
    try folder.write("model.bin", Array("old".utf8))
    let weights = TinyModel.weights()
    let size = try writer(overwrite: true).totalBytes
    for capacity in [0, 255, 256, 1000, size / 2, size - 1] {
      var room = capacity
      try expectError(.doesNotFit, "cannot be written: No space left on device") {
        let writer = try writer(overwrite: true) { descriptor, bytes throws(SystemError) in
          guard room > 0 else { throw SystemError(code: ENOSPC) }
          let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
          let count = try System.write(descriptor, part)
          room -= count
          return count
        }
        try writer.append(weights)
        try writer.finish()
      }
      #expect(try files == ["model.bin"])
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    }
  }

  @Test func interruptedAndShortWritesAreContinued() throws {
    let weights = try TinyModel.write(to: folder.file("plain.bin"))
    var calls = 0
    let writer = try writer { descriptor, bytes throws(SystemError) in
      calls += 1
      if calls % 3 == 0 { throw SystemError(code: EINTR) }
      return try System.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(1999)))
    }
    try writer.append(weights)
    try writer.finish()
    #expect(calls > 100)
    #expect(FileManager.default.contentsEqual(atPath: path, andPath: folder.file("plain.bin")))
  }

  @Test func aFailingDiskIsNotAFullOne() throws {
    try expectError(.running, "cannot be written: Input/output error") {
      let writer = try writer { _, _ throws(SystemError) in throw SystemError(code: EIO) }
      try writer.append(TinyModel.weights())
      try writer.finish()
    }
    #expect(try files.isEmpty)
  }

  @Test func aModelLargerThanTheDiskIsRefusedAtOnce() throws {
    let huge = ModelConfig(
      dim: 65536, hiddenDim: 1 << 20, layers: 1024, heads: 64, kvHeads: 64, vocabSize: 32000,
      contextLength: 4096, sharedClassifier: true)
    try expectError(.doesNotFit, "needs 915 TB, ") { _ = try writer(huge) }
    #expect(try files.isEmpty)
  }

  // MARK: - Names

  @Test func theNameAppearsOnlyAtTheEnd() throws {
    try TinyModel.write(to: path, seed: 1)
    let old = try Checkpoint(path: path)
    let oldBytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let writer = try writer(overwrite: true)
    try writer.append(TinyModel.weights(seed: 2))
    #expect(writer.temporaryPath.hasPrefix(folder.path + "/.model.bin.part-"))
    #expect(try files.count == 2)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == oldBytes)
    try writer.finish()
    #expect(try files == ["model.bin"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) != oldBytes)
    // Whoever had the old file open still has it.
    try old.checkUnchanged()
    withExtendedLifetime(old) { #expect(old.bytes.elementsEqual(oldBytes)) }
  }

  @Test func anExistingFileIsKeptUnlessToldOtherwise() throws {
    try folder.write("model.bin", [1])
    try expectError(.usage, "exists") { _ = try writer() }
    try expectError(.usage, "is the input file") { _ = try writer(overwrite: true, inputs: [path]) }
    let link = folder.file("link.gguf")
    try FileManager.default.linkItem(atPath: path, toPath: link)
    try expectError(.usage, "is the input file \(link)") {
      _ = try writer(overwrite: true, inputs: [folder.file("other"), link])
    }
    #expect(try files == ["link.gguf", "model.bin"])
  }

  @Test func aFolderIsNotReplaced() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try expectError(.usage, "is a directory") { _ = try writer(overwrite: true) }
  }

  @Test func aMissingFolderIsNamed() throws {
    #expect(throws: ModelFileError.self) {
      try TinyModel.write(to: folder.file("missing/model.bin"))
    }
  }

  @Test func twoWritersOfOneFileDoNotMix() throws {
    let first = try writer()
    let second = try writer()
    #expect(second.temporaryPath == first.temporaryPath + "-2")
    second.cancel()
    #expect(FileManager.default.fileExists(atPath: first.temporaryPath))
    first.cancel()
  }

  /// In a container each run has the number, and so the name, of one that was killed.
  @Test func leftoversOfTheSameNumberAreSteppedOver() throws {
    let name = ".model.bin.part-\(System.processID)"
    try folder.write(name, [1])
    for attempt in 2..<100 { try folder.write("\(name)-\(attempt)", [1]) }
    try OutputFile.write([2], to: path)
    #expect(FileManager.default.contents(atPath: path) == Data([2]))
    try folder.write("\(name)-100", [1])
    try expectError(.usage, "99 more exist") { try OutputFile.write([3], to: path) }
    #expect(FileManager.default.contents(atPath: path) == Data([2]))
  }

  // MARK: - Giving up

  @Test func cancellingRemovesTheFile() throws {
    let writer = try writer()
    writer.cancel()
    writer.cancel()
    #expect(try files.isEmpty)
    let weights = TinyModel.weights()
    #expect(throws: ModelFileError.self) {
      try writer.append(weights)
      try writer.finish()
    }
  }

  @Test func nothingFollowsTheEnd() throws {
    let cancelled = try writer()
    try cancelled.append(TinyModel.weights())
    cancelled.cancel()
    try expectError(.running, "ended before") { try cancelled.finish() }
    #expect(try files.isEmpty)
    let finished = try writer()
    try finished.append(TinyModel.weights())
    try finished.finish()
    try expectError(.running, "ended before") { try finished.finish() }
    finished.cancel()
    #expect(try files == ["model.bin"])
  }

  @Test(arguments: ["", "/", "folder/"]) func aPathWithoutANameIsRefused(path: String) throws {
    let error = try #require(throws: ModelFileError.self) { try TinyModel.write(to: path) }
    #expect(error.kind == .usage)
  }

  @Test func droppingTheWriterRemovesTheFile() throws {
    do {
      let writer = try writer()
      withExtendedLifetime(writer) {
        #expect(FileManager.default.fileExists(atPath: writer.temporaryPath))
      }
    }
    #expect(try files.isEmpty)
  }

  @Test(arguments: [CheckpointFormat.v0, .v1, .v2(groupSize: 64)], [Float.nan, -.infinity])
  func damagedNumbersAreNamed(format: CheckpointFormat, value: Float) throws {
    var weights = TinyModel.weights()
    weights[.w2]?[1][12_287] = value
    let writer = try writer(format: format)
    try expectError(.damagedNumbers, "w2 of layer 1: value 12,287 is \(value)") {
      try writer.append(weights)
    }
    #expect(try files.isEmpty)
  }

  @Test func missingAndSurplusValuesAreNamed() throws {
    let values = [Float](repeating: 0, count: 65)
    let short = try writer()
    try values[..<60].withUnsafeBufferPointer { try short.append($0) }
    #expect(short.currentTensor?.role == .attentionNorm)
    try expectError(.damagedFile, "attentionNorm of layer 0 is incomplete: 60 of 64 values") {
      try short.finish()
    }
    let long = try writer()
    try expectError(.damagedFile, "attentionNorm of layer 0 takes 64 values; 65 more came") {
      try values.withUnsafeBufferPointer { try long.append($0) }
    }
    let full = try writer()
    try full.append(TinyModel.weights())
    try expectError(.damagedFile, "all tensors are written") {
      try values.withUnsafeBufferPointer { try full.append($0) }
    }
    #expect(try files.isEmpty)
  }

  // MARK: - What a format cannot say

  @Test func plainHeadersRefuseOtherNumbers() throws {
    var theta = ModelMetadata()
    theta.ropeTheta = 100_000
    var epsilon = ModelMetadata()
    epsilon.normEpsilon = 1e-6
    var bos = ModelMetadata()
    bos.bos = 7
    var eos = ModelMetadata()
    eos.eos = 0
    for (metadata, message) in [
      (theta, "rope_theta 100000.0: its readers assume 10000.0"), (epsilon, "norm_eps 1e-06"),
      (bos, "bos 7"), (eos, "eos 0"),
    ] {
      for (format, place) in [(CheckpointFormat.v0, "version 0"), (.v1, "a header without")] {
        try expectError(.usage, "\(message)") {
          try TinyModel.write(to: path, format: format, metadata: metadata, writesExtension: false)
        }
        try expectError(.usage, place) {
          try TinyModel.write(
            to: path, format: format, tokenizerSection: [1], writesExtension: false)
        }
      }
    }
    #expect(try files.isEmpty)
  }

  @Test func theExtensionIsCheckedBeforeWriting() throws {
    var metadata = ModelMetadata()
    metadata.eos = 512
    try expectError(.damagedFile, "eos is 512") {
      try TinyModel.write(to: path, metadata: metadata)
    }
    try expectError(.damagedFile, "its kind is not named") {
      try TinyModel.write(to: path, tokenizerSection: [1])
    }
    #expect(try files.isEmpty)
  }
}
