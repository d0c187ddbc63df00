import Foundation
import Inference
import ModelFile

/// The kernels' text, and what they are built with for one model.
enum KernelSource {
  /// The kernels that do not know how keys and values are kept.
  static let layers = text([
    PackageResources.quantize_rows_cl, PackageResources.halves_cl, PackageResources.embedding_cl,
    PackageResources.norm_cl, PackageResources.projections_cl, PackageResources.choice_cl,
  ])

  /// Those that do; built for each ``KVType``.
  static let attention = text([
    PackageResources.cache_cl, PackageResources.queries_cl, PackageResources.attention_cl,
  ])

  /// Kernels behind what all of them use.
  private static func text(_ kernels: [[UInt8]]) -> String {
    let shared = [
      PackageResources.arithmetic_cl, PackageResources.matrix_cl, PackageResources.quantize_cl,
      PackageResources.product_f32_cl, PackageResources.product_q80_cl,
    ]
    return (shared + kernels).map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }
}

/// How a model's arithmetic is done on a device.
public enum DeviceMath: String, CaseIterable, Sendable {
  /// As on the processors.
  case f32
  /// The matrices of an fp32 model are kept as halves, and multiplied and added as floats.
  case f16
}

/// What the kernels are built for; the numbers that `arithmetic.cl` explains.
struct KernelShape {
  let config: ModelConfig
  let epsilon: Float
  /// `nil` for fp32 models.
  let groupSize: Int?
  let keepsHalves: Bool
  let width: Int
  let usesDouble: Bool
  let dividesExactly: Bool

  /// The compiler's options.
  ///
  /// - Parameter kvType: For kernels that know how keys and values are kept.
  func options(kvType: KVType? = nil, isBatch: Bool) -> String {
    var macros: [(String, any CustomStringConvertible)] = [
      ("DIM", config.dim), ("HIDDEN", config.hiddenDim), ("KV_DIM", config.kvDim),
      ("HEADS", config.heads), ("KV_HEADS", config.kvHeads), ("HEAD_SIZE", config.headSize),
      ("VOCAB", config.vocabSize), ("EPSILON", "\(epsilon)f"), ("WIDTH", width),
    ]
    if let kvType, let index = KVType.allCases.firstIndex(of: kvType) {
      macros.append(("KV_TYPE", index))
    }
    if let groupSize { macros.append(("GROUP_SIZE", groupSize)) }
    if keepsHalves { macros.append(("HALF_WEIGHTS", 1)) }
    if isBatch { macros.append(("BATCH", 1)) }
    if usesDouble { macros.append(("HAS_DOUBLE", 1)) }
    let exact = dividesExactly ? " -cl-fp32-correctly-rounded-divide-sqrt" : ""
    return "-cl-std=CL1.2" + exact + macros.map { " -D\($0)=\($1)" }.joined()
  }

  // MARK: - Sizes that the kernels have, and their callers must know

  /// Rows of a tile of a product.
  static let tileRows = 16
  static let normItems = 128
  static let attentionItems = 128
  static let quantizeItems = 32
  static let choiceItems = 128
  /// Logits among which one work group looks for the highest.
  static let choiceStretch = 2048

  /// Rows of a tile of w1 and w3.
  var gateRows: Int { gateQuantizes ? 64 : Self.tileRows }

  /// Whether a tile of w1 and w3 holds whole groups, which are quantised where they were computed.
  var gateQuantizes: Bool {
    guard let groupSize, groupSize <= 64 else { return false }
    return 64 % groupSize == 0 && config.hiddenDim % groupSize == 0
  }

  /// Tokens of a tile of a product.
  func tileTokens(isBatch: Bool) -> Int { !isBatch ? 1 : groupSize == nil ? 16 : 4 }

  /// Work items of a product's group.
  func productItems(isBatch: Bool) -> Int {
    groupSize == nil ? (isBatch ? 16 : 4) * (16 / width) : 64
  }

  /// Tokens whose queries one work group of attention takes.
  func queryTokens(isBatch: Bool) -> Int { isBatch ? max(1, 8 / queryGroup) : 1 }

  /// Query heads of a KV head.
  var queryGroup: Int { config.heads / config.kvHeads }
}
