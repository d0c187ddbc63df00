import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// The devices of this machine; none without OpenCL, as on a machine without a driver.
enum TestDevices {
  static let all = (try? Device.all()) ?? []
  static var isAvailable: Bool { !all.isEmpty }
  static let reason: Comment = "needs an OpenCL device, as of pocl-opencl-icd"

  /// The processors as a device: what every test can count on.
  static func first() throws -> Device { try #require(all.first { $0.isProcessor } ?? all.first) }

  /// Its queue.
  static func queue() throws -> DeviceQueue { try DeviceQueue(first(), opencl: OpenCL.load()) }
}

/// A tiny model on disk, computed on the processors and on a device.
final class TinyDevice {
  let cpu: Engine
  let gpu: Engine
  let backend: DeviceBackend
  private let directory: TemporaryDirectory

  /// - Parameter isHalved: Whether the matrices are rounded to halves before anything is computed with them.
  init(
    _ shape: Shape, math: DeviceMath = .f32, isHalved: Bool = false, width: Int? = nil,
    usesDouble: Bool = true, opencl: OpenCL? = nil, prelude: String = ""
  ) throws {
    directory = try TemporaryDirectory()
    let path = directory.file("tiny.bin")
    try shape.write(to: path, isHalved: isHalved)
    let model = Model(checkpoint: try Checkpoint(path: path))
    cpu = try Engine(model: model, threads: 1)
    gpu = try Engine(model: model, threads: 1)
    var build = DeviceBackend.Build(width: width, usesDouble: usesDouble)
    build.opencl = opencl
    build.prelude = prelude
    backend = try DeviceBackend(model, on: TestDevices.first(), math: math, build: build)
    gpu.use(backend)
  }

  /// The logits after each call's tokens, all calls on one new cache.
  static func logits(
    _ engine: Engine, _ calls: [ArraySlice<TokenID>], kv: KVType = .f32
  ) throws -> [[Float]] {
    let cache = try engine.makeCache(capacity: engine.model.config.contextLength, type: kv)
    return try calls.map { Array(try engine.forward($0, cache: cache)) }
  }

  /// Some token ids, the same each time.
  func tokens(_ count: Int) -> [TokenID] {
    (0..<count).map { TokenID(($0 * 7919 + 13) % cpu.model.config.vocabSize) }
  }
}

/// The classes of shapes that take ways of their own through the kernels.
struct Shape: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let format: CheckpointFormat
  var config = TinyModel.config

  static let all = [
    Shape("fp32", .v1),
    Shape("fp32, v0, own classifier, odd sizes", .v0) {
      $0.sharedClassifier = false
      // No multiple of a tile, nor of a vector: 36 columns, 6 elements a head, 70 hidden.
      ($0.dim, $0.heads, $0.kvHeads, $0.hiddenDim, $0.vocabSize) = (36, 6, 2, 70, 301)
    },
    Shape("fp32, one KV head for ten", .v1) { ($0.dim, $0.heads, $0.kvHeads) = (80, 10, 1) },
    Shape("fp32, no sharing", .v1) { $0.kvHeads = 4 },
    Shape("int8, group 64", .v2(groupSize: 64)),
    Shape("int8, own classifier", .v2(groupSize: 64)) { $0.sharedClassifier = false },
    Shape("int8, group 4", .v2(groupSize: 4)) { $0.hiddenDim = 172 },
    Shape("int8, group 2", .v2(groupSize: 2)) { $0.hiddenDim = 90 },
    Shape("int8, group 128", .v2(groupSize: 128)) { ($0.dim, $0.hiddenDim) = (128, 256) },
    Shape("int8, straddling", .v2(groupSize: 64)) { $0.hiddenDim = 176 },
  ]

  /// The same for long contexts.
  func reading(_ positions: Int) -> Shape {
    Shape(testDescription, format) {
      $0 = config
      $0.contextLength = positions
    }
  }

  fileprivate func write(to path: String, isHalved: Bool) throws {
    guard isHalved else {
      return _ = try TinyModel.write(to: path, config: config, format: format)
    }
    var weights = TinyModel.weights(config: config)
    for role in weights.keys where !role.isNorm {
      weights[role] = weights[role]?.map { $0.map(\.roundedToHalf) }
    }
    let writer = try CheckpointWriter(
      path: path, config: config, format: format, metadata: ModelMetadata(), tokenizerSection: nil,
      overwrite: false, writesExtension: true)
    try writer.append(weights)
    try writer.finish()
  }

  init(_ name: String, _ format: CheckpointFormat, _ change: (inout ModelConfig) -> Void = { _ in })
  {
    testDescription = name
    self.format = format
    change(&config)
  }
}

extension Float {
  /// The nearest half, ties to even, of numbers that halves reach.
  fileprivate var roundedToHalf: Float {
    guard self != 0 else { return 0 }
    let step = Float(sign: .plus, exponent: Swift.max(exponent, -14) - 10, significand: 1)
    return (self / step).rounded(.toNearestOrEven) * step
  }
}

/// The largest difference, relative to the largest logit.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count, found.allSatisfy(\.isFinite) else { return .infinity }
  let scale = expected.map(abs).max() ?? 1
  return (zip(found, expected).map { abs($0 - $1) }.max() ?? 0) / scale
}
