import Foundation
import ModelFile
import TestSupport
import Testing

/// A model of a few kilobytes, so that every byte of it can be damaged in turn.
private let config = ModelConfig(
  dim: 8, hiddenDim: 12, layers: 1, heads: 2, kvHeads: 1, vocabSize: 8, contextLength: 4,
  sharedClassifier: true)

/// The bytes of that model in one format.
enum Base: CaseIterable {
  case v0, v1, v2, extended

  func bytes() throws -> [UInt8] {
    let folder = try TemporaryDirectory()
    let path = folder.file("base.bin")
    let format: CheckpointFormat =
      switch self {
      case .v0: .v0
      case .v1, .extended: .v1
      case .v2: .v2(groupSize: 8)
      }
    var metadata = ModelMetadata()
    if self == .extended { metadata.tokenizer = .sentencePiece }
    try TinyModel.write(
      to: path, config: config, format: format, metadata: metadata,
      tokenizerSection: self == .extended ? [1, 2, 3] : nil, writesExtension: self == .extended)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

/// One way to damage a file, and a part of the message it must give.
struct Damage: Sendable, CustomTestStringConvertible {
  let base: Base
  let change: @Sendable (inout [UInt8]) -> Void
  let message: String
  let kind: FailureKind

  var testDescription: String { "\(base): \(message)" }

  /// Overwrites an i32 at a byte offset.
  static func int(
    _ base: Base, _ offset: Int, _ value: Int32, _ message: String
  ) -> Damage {
    Damage(base: base, change: { $0.put(value, at: offset) }, message: message, kind: .damagedFile)
  }

  /// Overwrites an f32 at a byte offset.
  static func float(
    _ base: Base, _ offset: Int, _ value: Float, _ message: String,
    _ kind: FailureKind = .damagedNumbers
  ) -> Damage {
    Damage(
      base: base, change: { $0.put(Int32(bitPattern: value.bitPattern), at: offset) },
      message: message, kind: kind)
  }

  /// Changes the length.
  static func resized(_ base: Base, by count: Int, _ message: String) -> Damage {
    Damage(
      base: base,
      change: { bytes in
        if count < 0 { bytes.removeLast(-count) } else { bytes.append(zeros: count) }
      }, message: message, kind: .damagedFile)
  }

  /// Keeps the first bytes only.
  static func prefix(_ base: Base, _ count: Int, _ message: String) -> Damage {
    Damage(
      base: base, change: { $0 = Array($0.prefix(count)) }, message: message, kind: .damagedFile)
  }

  /// Changes bytes of the header extension and makes its checksum right again.
  static func resealed(_ offset: Int, _ values: [UInt8], _ message: String) -> Damage {
    Damage(
      base: .extended,
      change: { bytes in
        bytes.replaceSubrange(offset..<(offset + values.count), with: values)
        bytes.put(Int32(bitPattern: CRC32.checksum(bytes[..<252])), at: 252)
      }, message: message, kind: .damagedFile)
  }
}

extension [UInt8] {
  mutating func put(_ value: Int32, at offset: Int) {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: value)
    replaceSubrange(offset..<(offset + 4), with: bytes)
  }
}
