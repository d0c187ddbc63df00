import Foundation
import Inference
import ModelFile

/// The kernels' text.
enum KernelSource {
  /// The kernels that do not know how keys and values are kept.
  static func layers(isQuantized: Bool, isBatch: Bool) -> String {
    let common = [
      PackageResources.arithmetic_cl, PackageResources.matrix_cl, PackageResources.quantize_cl,
      isQuantized ? PackageResources.product_q80_cl : PackageResources.product_f32_cl,
      PackageResources.cache_cl, PackageResources.queries_cl, PackageResources.projections_cl,
    ]
    // One of each serves one token and many.
    let once = [
      PackageResources.quantize_rows_cl, PackageResources.halves_cl, PackageResources.embedding_cl,
      PackageResources.norm_cl, PackageResources.choice_cl,
    ]
    return text(isBatch ? common : common + once)
  }

  /// Those that do; built for each ``KVType``.
  static func attention(inOnePass: Bool) -> String {
    text([
      PackageResources.arithmetic_cl, PackageResources.quantize_cl, PackageResources.cache_cl,
      PackageResources.kept_cl,
      inOnePass ? PackageResources.online_attention_cl : PackageResources.attention_cl,
    ])
  }

  private static func text(_ kernels: [[UInt8]]) -> String {
    kernels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }
}

/// How a model's arithmetic is done on a device.
public enum DeviceMath: String, CaseIterable, Sendable {
  /// As on the processors.
  case f32
  /// Faster, with last digits of its own: the matrices of an fp32 model are kept as halves, and multiplied and added
  /// as floats; attention is computed in one pass.
  case f16
}

/// What the kernels are built for; the macros that `arithmetic.cl` explains.
struct KernelShape {
  let config: ModelConfig
  let epsilon: Float
  /// `nil` for fp32 models.
  let groupSize: Int?
  let keepsHalves: Bool
  let attendsInOnePass: Bool
  let width: Int
  let usesDouble: Bool
  let dividesExactly: Bool

  /// The kernels for a model on a device.
  ///
  /// - Parameters:
  ///   - width: Lanes of a sum of floats in one work item; `nil` for what suits the device.
  ///   - usesDouble: Whether doubles may be used where there are any.
  init(
    _ model: Model, on device: Device, _ math: DeviceMath, width: Int? = nil,
    usesDouble: Bool = true
  ) {
    config = model.config
    epsilon = model.metadata.normEpsilon
    groupSize = if case .v2(let size) = model.checkpoint.format { size } else { nil }
    keepsHalves = math == .f16 && groupSize == nil
    attendsInOnePass = math == .f16
    self.width = width ?? device.suitableWidth
    self.usesDouble = device.hasDouble && usesDouble
    dividesExactly = device.dividesExactly
  }

  /// Whether weights are int8 in groups.
  var isQuantized: Bool { groupSize != nil }

  /// The compiler's options for layers.
  func options(isBatch: Bool) -> String {
    var macros: [(String, Int)] = []
    if let groupSize {
      macros.append(("GROUP_SIZE", groupSize))
    } else {
      macros.append(("WIDTH", width))
    }
    if keepsHalves { macros.append(("HALF_WEIGHTS", 1)) }
    return options(macros, isBatch: isBatch)
  }

  /// The compiler's options for attention.
  func options(attentionOver type: KVType, isBatch: Bool) -> String {
    options(
      [
        ("HEAD_SIZE", config.headSize), ("QUERY_GROUP", queryGroup),
        ("KV_TYPE", Self.number(of: type)),
      ], isBatch: isBatch)
  }

  private func options(_ macros: [(String, Int)], isBatch: Bool) -> String {
    var macros = macros
    if isBatch { macros.append(("BATCH", 1)) }
    if usesDouble { macros.append(("HAS_DOUBLE", 1)) }
    let exact = dividesExactly ? " -cl-fp32-correctly-rounded-divide-sqrt" : ""
    return "-cl-std=CL1.2" + exact + macros.map { " -D\($0)=\($1)" }.joined()
  }

  /// As `cache.cl` counts the types of keys and values.
  static func number(of type: KVType) -> Int {
    switch type {
    case .f32: 0
    case .f16: 1
    case .q8: 2
    }
  }

  // MARK: - Sizes that the kernels have, and their callers must know

  /// Rows of a tile of a product.
  static let tileRows = 16
  static let normItems = 128
  static let attentionItems = 128
  static let combineItems = 64
  /// Positions that attention in one pass takes together; longer contexts are split.
  static let attentionSplit = 256
  static let quantizeItems = 32
  static let choiceItems = 128
  /// Logits among which one work group looks for the highest.
  static let choiceStretch = 2048

  /// Rows of a tile of w1 and w3.
  var gateRows: Int {
    guard let groupSize, groupSize <= 64, 64 % groupSize == 0 else { return Self.tileRows }
    return 64
  }

  /// Whether a tile of w1 and w3 holds whole groups, which are quantised where they were computed.
  var gateQuantizes: Bool {
    guard let groupSize, gateRows % groupSize == 0 else { return false }
    return config.hiddenDim % groupSize == 0
  }

  /// Whether groups of w2 begin in one row and end in the next.
  var straddles: Bool { config.hiddenDim % (groupSize ?? 1) != 0 }

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

  /// Work groups that share a KV head's query heads of a token.
  var queryChunks: Int { attendsInOnePass ? (queryGroup + 7) / 8 : 1 }

  /// Splits of a context of that many positions.
  func splits(of positions: Int) -> Int {
    attendsInOnePass ? (positions + Self.attentionSplit - 1) / Self.attentionSplit : 1
  }

  /// Bytes that attention needs besides its input and output, for contexts of up to `rows` positions.
  func attentionBytes(rows: Int) -> Int {
    guard attendsInOnePass else {
      let tokens = DeviceBackend.attentionTokens + queryTokens(isBatch: true)
      return tokens * config.heads * rows * 4
    }
    let splits = splits(of: rows)
    guard splits > 1 else { return 4 }
    return DeviceBackend.attentionTokens * config.heads * splits * (config.headSize + 2) * 4
  }
}
