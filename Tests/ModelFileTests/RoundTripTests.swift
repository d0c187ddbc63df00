import ModelFile
import TestSupport
import Testing

@Suite("Writing and reading back")
struct RoundTripTests {
  static let formats: [CheckpointFormat] = [
    .v0, .v1, .v2(groupSize: 64), .v2(groupSize: 4), .v2(groupSize: 1),
  ]

  @Test(arguments: formats, [TinyModel.config, TinyModel.separateClassifierConfig])
  func weightsComeBack(format: CheckpointFormat, config: ModelConfig) throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("tiny.bin")
    let weights = try TinyModel.write(to: path, config: config, format: format)
    let checkpoint = try Checkpoint(path: path)
    defer { withExtendedLifetime(checkpoint) {} }
    #expect(checkpoint.config == config)
    #expect(checkpoint.format == format)
    #expect(checkpoint.hasMetadata == (format != .v0))
    #expect(checkpoint.metadata == ModelMetadata())
    try checkpoint.verify()
    for (role, layers) in weights {
      for (layer, expected) in layers.enumerated() {
        let view = checkpoint.tensor(role, layer: layer)
        #expect((view.rows, view.columns) == role.shape(config))
        let close = zip(zip(expected, view.dequantized), view.halfScales)
          .allSatisfy { abs($0.0 - $0.1) <= $1 }
        #expect(close, "\(role) of layer \(layer)")
      }
    }
  }

  @Test func everyFieldOfTheMetadataComesBack() throws {
    let folder = try TemporaryDirectory()
    var metadata = ModelMetadata()
    metadata.ropeTheta = 100_000
    metadata.normEpsilon = 1e-6
    metadata.bos = 3
    metadata.eos = 4
    metadata.endOfTurn = 5
    metadata.unknown = 0
    metadata.tokenizer = .byteLevel
    metadata.template = .chatML
    metadata.addsBOS = false
    metadata.hasDefaultSystem = false
    metadata.tokenCount = 500
    metadata.sourceName = "Zoë/tiny 🦙"
    for section: [UInt8] in [[1], Array(0..<255)] {
      for format in [CheckpointFormat.v1, .v2(groupSize: 32)] {
        let path = folder.file("tiny.bin")
        try TinyModel.write(
          to: path, format: format, metadata: metadata, tokenizerSection: section, overwrite: true)
        let checkpoint = try Checkpoint(path: path)
        defer { withExtendedLifetime(checkpoint) {} }
        #expect(checkpoint.metadata == metadata)
        #expect(checkpoint.tokenizerSection.map(Array.init) == section)
        #expect(checkpoint.warnings.isEmpty)
      }
    }
  }

  @Test func aLongSourceNameIsCutBetweenCharacters() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("tiny.bin")
    var metadata = ModelMetadata()
    metadata.sourceName = String(repeating: "x", count: 46) + "🦙"
    try TinyModel.write(to: path, metadata: metadata)
    let name = try Checkpoint(path: path).metadata.sourceName
    #expect(name == String(repeating: "x", count: 46))
  }

  @Test func groupsMayStraddleRowsWithAWarning() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("tiny.bin")
    var config = TinyModel.config
    config.hiddenDim = 172
    let weights = try TinyModel.write(to: path, config: config, format: .v2(groupSize: 64))
    let checkpoint = try Checkpoint(path: path)
    defer { withExtendedLifetime(checkpoint) {} }
    #expect(checkpoint.warnings.count == 1)
    let view = checkpoint.tensor(.w2, layer: 1)
    let expected = try #require(weights[.w2]?[1])
    let close = zip(zip(expected, view.dequantized), view.halfScales)
      .allSatisfy { abs($0.0 - $0.1) <= $1 }
    #expect(close)
  }

  @Test(arguments: [(64, 192, 64), (288, 768, 32), (512, 1376, 32), (64, 172, 4), (576, 1536, 64)])
  func largestGroupSizeDividesEveryRow(dim: Int, hiddenDim: Int, expected: Int) {
    var config = TinyModel.config
    (config.dim, config.hiddenDim) = (dim, hiddenDim)
    #expect(CheckpointWriter.largestGroupSize(for: config) == expected)
  }
}
