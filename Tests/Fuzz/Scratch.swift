import Foundation
import ModelFile
import TestSupport

/// Files that inputs are written to, in `FUZZ_SCRATCH`: a folder in memory, removed by who gave it.
enum Scratch {
  static let folder: String = {
    guard let folder = ProcessInfo.processInfo.environment["FUZZ_SCRATCH"] else {
      return FileManager.default.temporaryDirectory.path
    }
    return folder
  }()

  /// Writes a file and returns its path.
  @discardableResult
  static func file(_ name: String, _ bytes: [UInt8]) -> String {
    let path = folder + "/" + name
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    require(file >= 0 && write(file, bytes, bytes.count) == bytes.count, "cannot write \(path)")
    close(file)
    return path
  }

  /// A folder inside, made when it is not there.
  static func folder(_ name: String) -> String {
    let path = folder + "/" + name
    mkdir(path, 0o700)
    return path
  }
}

/// The smallest model there can be of each format: a few kilobytes.
enum SmallModel {
  static let config = ModelConfig(
    dim: 8, hiddenDim: 12, layers: 1, heads: 2, kvHeads: 1, vocabSize: 8, contextLength: 4,
    sharedClassifier: true)

  static func bytes(
    _ format: CheckpointFormat, config: ModelConfig = config, section: [UInt8]? = nil,
    metadata: ModelMetadata = ModelMetadata(), writesExtension: Bool = false
  ) throws -> [UInt8] {
    let path = Scratch.file("seed.bin", [])
    try TinyModel.write(
      to: path, config: config, format: format, metadata: metadata, tokenizerSection: section,
      overwrite: true, writesExtension: writesExtension)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

extension [UInt8] {
  /// Overwrites bytes with an integer, where they are there.
  mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    guard offset >= 0, offset + MemoryLayout<T>.size <= count else { return }
    for index in 0..<MemoryLayout<T>.size {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index))
    }
  }

  /// Makes the checksum right that ends the bytes.
  mutating func sealEnd() {
    guard count >= 4 else { return }
    put(CRC32.checksum(dropLast(4)), at: count - 4)
  }
}
