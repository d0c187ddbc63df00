import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

/// A tiny model on disk, an engine for it, and the oracle of the same weights.
final class TinyEngine {
  let engine: Engine
  let directory: TemporaryDirectory
  private let weights: TinyModel.Weights
  private let format: CheckpointFormat

  init(
    _ format: CheckpointFormat, config: ModelConfig = TinyModel.config,
    metadata: ModelMetadata = ModelMetadata(), threads: Int = 1, instructionSet: String? = nil
  ) throws {
    directory = try TemporaryDirectory()
    self.format = format
    let path = directory.file("tiny.bin")
    weights = try TinyModel.write(to: path, config: config, format: format, metadata: metadata)
    engine = try Engine(
      model: Model(checkpoint: Checkpoint(path: path)), threads: threads,
      instructionSet: instructionSet)
  }

  func makeCache(_ type: KVType = .f32) throws -> KVCache {
    let config = engine.model.config
    return try KVCache(config: config, capacity: config.contextLength, type: type)
  }

  /// The logits after each call's tokens, all calls on one new cache.
  func logits(_ calls: [ArraySlice<TokenID>], kv: KVType = .f32) throws -> [[Float]] {
    let cache = try makeCache(kv)
    return try calls.map { Array(try engine.forward($0, cache: cache)) }
  }

  var oracle: NaiveTransformer {
    let groupSize: Int? = if case .v2(let groupSize) = format { groupSize } else { nil }
    return NaiveTransformer(
      config: engine.model.config, metadata: engine.model.metadata, weights: weights,
      groupSize: groupSize)
  }

  /// Some token ids, the same each time.
  static func tokens(_ count: Int, vocabSize: Int = TinyModel.config.vocabSize) -> [TokenID] {
    (0..<count).map { TokenID(($0 * 7919 + 13) % vocabSize) }
  }
}

/// The formats a model can have here: fp32, int8, and int8 in groups that straddle rows of w2.
struct Variant: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let format: CheckpointFormat
  let config: ModelConfig

  static let all = [
    Variant(testDescription: "v0", format: .v0, config: TinyModel.separateClassifierConfig),
    Variant(testDescription: "v1", format: .v1, config: TinyModel.config),
    Variant(testDescription: "v2", format: .v2(groupSize: 64), config: TinyModel.config),
    Variant(
      testDescription: "v2 group 32", format: .v2(groupSize: 32),
      config: TinyModel.separateClassifierConfig),
    Variant(testDescription: "v2 straddling", format: .v2(groupSize: 32), config: oddHidden),
  ]

  private static var oddHidden: ModelConfig {
    var config = TinyModel.config
    config.hiddenDim = 176
    return config
  }
}
