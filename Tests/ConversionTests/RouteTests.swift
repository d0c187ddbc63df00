import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Conversion

/// The same weights by every route: the same bytes, and those of export.py's formulas.
@Suite struct RouteTests {
  /// A way to the tiny model.
  enum Route: String, CaseIterable {
    case gguf, float32, float16, bfloat16, sharded, torchHalf, torchSharded, meta, metaShards
    case checkpoint, version0, version1

    /// Writes the source and returns its path.
    func write(_ sources: TinySources, in folder: TemporaryDirectory) throws -> String {
      switch self {
      case .gguf: return try folder.write("model.gguf", sources.gguf().bytes())
      case .float32: return try sources.writeHuggingFace(in: folder)
      case .float16: return try sources.writeHuggingFace(in: folder, type: "F16")
      case .bfloat16: return try sources.writeHuggingFace(in: folder, type: "BF16")
      case .sharded: return try Shards.write(sources, in: folder)
      case .torchHalf:
        let directory = try sources.makeHuggingFace(in: folder)
        var archive = sources.huggingFaceTorch(storage: "HalfStorage")
        archive.isZip64 = true
        try folder.write("Tiny/pytorch_model.bin", archive.bytes())
        return directory
      case .torchSharded:
        return try Shards.writeTorch(sources, in: folder)
      case .meta: return try sources.writeMeta(in: folder, shards: 1)
      case .metaShards: return try sources.writeMeta(in: folder, shards: 2)
      case .checkpoint: return try folder.write("ckpt.pt", sources.checkpoint().bytes())
      case .version0, .version1:
        let path = folder.file("source.bin")
        let writer = try CheckpointWriter(
          path: path, config: sources.config, format: self == .version0 ? .v0 : .v1,
          metadata: ModelMetadata(), tokenizerSection: nil, overwrite: false)
        try writer.append(sources.weights)
        try writer.finish()
        return path
      }
    }
  }

  @Test(arguments: Route.allCases, [true, false])
  func givesTheSameBytes(route: Route, isTied: Bool) throws {
    let config = isTied ? TinyModel.config : TinyModel.separateClassifierConfig
    let sources = TinySources(config: config)
    let folder = try TemporaryDirectory()
    let path = try route.write(sources, in: folder)
    for version in 0...2 {
      let output = folder.file("out\(version).bin")
      try ModelConverter(path: path).convert(
        to: output, version: version, groupSize: nil, overwrite: false
      ) { _, _, _ in }
      let found = [UInt8](try Data(contentsOf: URL(fileURLWithPath: output)))
      let expected = ExportFormula.file(sources, version: version)
      let carriesMore = version > 0 && ![.checkpoint, .version0, .version1].contains(route)
      if carriesMore {
        #expect(found[..<64].elementsEqual(expected[..<64]))
        #expect(found[256..<expected.count].elementsEqual(expected[256...]))
        let checkpoint = try Checkpoint(path: output)
        #expect(checkpoint.metadata.sourceName == TinySources.name)
        #expect(checkpoint.metadata.tokenCount == TinyVocabulary.count)
      } else {
        #expect(found == expected, "version \(version)")
      }
    }
  }

  @Test func routesWithTokenizersGiveTheSameHeaders() throws {
    let sources = TinySources()
    let files = try [Route.gguf, .float32, .torchHalf, .meta, .metaShards].map { route in
      let folder = try TemporaryDirectory()
      let output = folder.file("out.bin")
      try ModelConverter(path: route.write(sources, in: folder)).convert(
        to: output, version: 2, groupSize: 32, overwrite: false
      ) { _, _, _ in }
      return try Data(contentsOf: URL(fileURLWithPath: output))
    }
    #expect(files.allSatisfy { $0 == files[0] })
  }

  @Test func q80GoesBackToFloatsAndThroughUnchanged() throws {
    let folder = try TemporaryDirectory()
    let sources = TinySources()
    let path = try folder.write("a.bin", ExportFormula.file(sources, version: 2))
    func convert(_ source: String, _ name: String, version: Int) throws -> Data {
      let output = folder.file(name)
      try ModelConverter(path: source).convert(
        to: output, version: version, groupSize: nil, overwrite: false
      ) { _, _, _ in }
      return try Data(contentsOf: URL(fileURLWithPath: output))
    }
    #expect(
      try convert(path, "b.bin", version: 2) == Data(contentsOf: .init(fileURLWithPath: path)))
    _ = try convert(path, "c.bin", version: 1)
    let int8 = try Checkpoint(path: path)
    let fp32 = try Checkpoint(path: folder.file("c.bin"))
    guard case .int8(let q, let scales, let size) = int8.tensor(.w2, layer: 1).values,
      case .float32(let values) = fp32.tensor(.w2, layer: 1).values
    else { throw ModelFileError("not the formats asked for") }
    let count = fp32.config.dim * fp32.config.hiddenDim
    #expect((0..<count).allSatisfy { values[$0] == Float(q[$0]) * scales[$0 / size] })
    withExtendedLifetime((int8, fp32)) {}
  }

  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"), arguments: [1, 2])
  func recordedModelGivesRecordedBytes(version: Int) throws {
    let folder = try TemporaryDirectory()
    try ModelConverter(path: TestData.path("stories260K/stories260K.bin")).convert(
      to: folder.file("out.bin"), version: version, groupSize: nil, overwrite: false
    ) { _, _, _ in }
    let recorded = ["stories260K_v1.bin", "stories260K_q80.bin"][version - 1]
    #expect(
      FileManager.default.contentsEqual(
        atPath: folder.file("out.bin"), andPath: TestData.path("stories260K/" + recorded)))
  }

  @Test func groupsThatStraddleRowsAreRead() throws {
    let folder = try TemporaryDirectory()
    var config = TinyModel.config
    config.hiddenDim = 172
    try TinyModel.write(to: folder.file("a.bin"), config: config, format: .v2(groupSize: 16))
    try ModelConverter(path: folder.file("a.bin")).convert(
      to: folder.file("b.bin"), version: 1, groupSize: nil, overwrite: false
    ) { _, _, _ in }
    let int8 = try Checkpoint(path: folder.file("a.bin"))
    let fp32 = try Checkpoint(path: folder.file("b.bin"))
    guard case .int8(let q, let scales, _) = int8.tensor(.w2, layer: 0).values,
      case .float32(let values) = fp32.tensor(.w2, layer: 0).values
    else { throw ModelFileError("not the formats asked for") }
    #expect((0..<64 * 172).allSatisfy { values[$0] == Float(q[$0]) * scales[$0 / 16] })
    withExtendedLifetime((int8, fp32)) {}
  }

  @Test func optionsHoldOverTheSource() throws {
    let folder = try TemporaryDirectory()
    let path = try TinySources().writeHuggingFace(in: folder, ["rope_theta": nil])
    try FileManager.default.removeItem(atPath: path + "/tokenizer.model")
    let tokenizer = try folder.write("t.bin", TinyVocabulary.sentencePiece().tokenizerBin())
    let plain = try ModelConverter(path: path)
    #expect(plain.vocabulary == nil && plain.metadata.ropeTheta == 10000)
    #expect(plain.warnings(version: 1).contains { $0.contains("has no tokenizer") })
    let converter = try ModelConverter(
      path: path,
      options: SourceOptions(tokenizer: tokenizer, template: .llama2, ropeTheta: 1e6))
    #expect(converter.vocabulary?.count == 512)
    #expect(converter.metadata.template == .llama2 && converter.metadata.ropeTheta == 1e6)
    let error = failure {
      try converter.convert(
        to: folder.file("v0.bin"), version: 0, groupSize: nil, overwrite: false
      ) { _, _, _ in }
    }
    #expect(error?.reason.contains("version 0 has no room for rope_theta") == true)
  }
}

/// llama2.c's export.py, derived anew from its documented layout.
enum ExportFormula {
  static func file(_ sources: TinySources, version: Int) -> [UInt8] {
    let config = sources.config
    let vocabulary = version == 0 && !config.sharedClassifier ? -config.vocabSize : config.vocabSize
    var bytes: [UInt8] = version == 0 ? [] : Array("24ka".utf8) + le(Int32(version))
    for number in [
      config.dim, config.hiddenDim, config.layers, config.heads, config.kvHeads, vocabulary,
      config.contextLength,
    ] {
      bytes += le(Int32(number))
    }
    if version > 0 { bytes.append(config.sharedClassifier ? 1 : 0) }
    if version == 2 { bytes += le(Int32(64)) }
    bytes += [UInt8](repeating: 0, count: (version == 0 ? 28 : 256) - bytes.count)
    let matrices: [TensorRole] = [.wq, .wk, .wv, .wo]
    let feedForward: [TensorRole] = [.w1, .w2, .w3]
    let order: [TensorRole] =
      version == 0
      ? [.tokenEmbedding, .attentionNorm] + matrices + [.ffnNorm] + feedForward + [.finalNorm]
      : [.attentionNorm, .ffnNorm, .finalNorm, .tokenEmbedding] + matrices + feedForward
    for role in order { bytes += tensors(sources, role, version) }
    if version == 0 { bytes += tables(config) }
    if !config.sharedClassifier { bytes += tensors(sources, .classifier, version) }
    return bytes
  }

  private static func tensors(
    _ sources: TinySources, _ role: TensorRole, _ version: Int
  ) -> [UInt8] {
    (sources.weights[role] ?? []).flatMap { values -> [UInt8] in
      guard version == 2, ![.attentionNorm, .ffnNorm, .finalNorm].contains(role) else {
        return values.flatMap { le($0.bitPattern) }
      }
      let groups = stride(from: 0, to: values.count, by: 64).map { values[$0..<$0 + 64] }
      let scales = groups.map { ($0.map(abs).max() ?? 0) / 127 }
      let quantized = zip(groups, scales).flatMap { group, scale in
        group.map {
          scale == 0 ? 0 : UInt8(bitPattern: Int8(($0 / scale).rounded(.toNearestOrEven)))
        }
      }
      return quantized + scales.flatMap { le($0.bitPattern) }
    }
  }

  private static func tables(_ config: ModelConfig) -> [UInt8] {
    let size = config.dim / config.heads
    let frequencies = stride(from: 0, to: size, by: 2).map {
      1 / Float(pow(10000, Double(Float($0) / Float(size))))
    }
    let angles = (0..<config.contextLength).flatMap { position in
      frequencies.map { Double(Float(position) * $0) }
    }
    return (angles.map(cos) + angles.map(sin)).flatMap { le(Float($0).bitPattern) }
  }
}
