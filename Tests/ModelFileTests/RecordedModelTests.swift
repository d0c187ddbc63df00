import Foundation
import ModelFile
import TestSupport
import Testing

@Suite("Recorded models", .enabled(if: TestData.isAvailable, "needs recorded data"))
struct RecordedModelTests {
  let v0: Checkpoint
  let v1: Checkpoint
  let v2: Checkpoint

  init() throws {
    v0 = try Checkpoint(path: TestData.path("stories260K/stories260K.bin"))
    v1 = try Checkpoint(path: TestData.path("stories260K/stories260K_v1.bin"))
    v2 = try Checkpoint(path: TestData.path("stories260K/stories260K_q80.bin"))
  }

  @Test func headersAreRead() throws {
    let expected = ModelConfig(
      dim: 64, hiddenDim: 172, layers: 5, heads: 8, kvHeads: 4, vocabSize: 512, contextLength: 512,
      sharedClassifier: true)
    for (checkpoint, format) in [(v0, CheckpointFormat.v0), (v1, .v1), (v2, .v2(groupSize: 4))] {
      #expect(checkpoint.config == expected)
      #expect(checkpoint.format == format)
      #expect(checkpoint.metadata == ModelMetadata())
      #expect(!checkpoint.hasMetadata)
      #expect(checkpoint.tokenizerSection == nil)
      #expect(checkpoint.warnings.isEmpty)
      try checkpoint.verify()
      try checkpoint.checkUnchanged()
    }
  }

  @Test func versionsHoldTheSameWeights() {
    for span in v1.layout.tensors {
      let exact = v0.tensor(span.role, layer: span.layer).dequantized
      #expect(v1.tensor(span.role, layer: span.layer).dequantized == exact, "\(span.name)")
      let view = v2.tensor(span.role, layer: span.layer)
      let tolerances = view.halfScales
      for (index, pair) in zip(exact, view.dequantized).enumerated() {
        guard abs(pair.0 - pair.1) > tolerances[index] else { continue }
        Issue.record("\(span.name) value \(index): \(pair.1), exactly \(pair.0)")
      }
    }
  }

  @Test(arguments: [
    ("stories260K/stories260K_v1.bin", CheckpointFormat.v1),
    ("stories260K/stories260K_q80.bin", .v2(groupSize: 4)),
  ])
  func rewritingReproducesTheFile(recorded: String, format: CheckpointFormat) throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("copy.bin")
    let writer = try CheckpointWriter(
      path: path, config: v0.config, format: format, metadata: v0.metadata, tokenizerSection: nil,
      overwrite: false, writesExtension: false)
    for span in writer.layout.tensors {
      let values = v0.tensor(span.role, layer: span.layer).dequantized
      // Pieces that do not divide the groups.
      for start in stride(from: 0, to: values.count, by: 1001) {
        let piece = Array(values[start..<min(start + 1001, values.count)])
        try piece.withUnsafeBufferPointer { try writer.append($0) }
      }
    }
    try writer.finish()
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(TestData.bytes(recorded)))
  }

  @Test func rewritingV0DiffersOnlyInTheRopeTables() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("copy.bin")
    let writer = try CheckpointWriter(
      path: path, config: v0.config, format: .v0, metadata: v0.metadata, tokenizerSection: nil,
      overwrite: false)
    for span in writer.layout.tensors where span.role != .ropeTables {
      let values = v0.tensor(span.role, layer: span.layer).dequantized
      try values.withUnsafeBufferPointer { try writer.append($0) }
    }
    try writer.finish()
    let copy = try Checkpoint(path: path)
    defer { withExtendedLifetime(copy) {} }
    for span in v0.layout.tensors {
      let found = copy.tensor(span.role, layer: span.layer).dequantized
      let expected = v0.tensor(span.role, layer: span.layer).dequantized
      let tolerance: Float = span.role == .ropeTables ? 1e-4 : 0
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance }, "\(span.name)")
    }
  }
}
