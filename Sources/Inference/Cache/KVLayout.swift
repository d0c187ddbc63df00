import CKernels
import ModelFile

/// How a ``KVCache`` keeps keys and values.
public enum KVType: String, CaseIterable, Sendable {
  /// As computed: llama2.c's results, bit by bit.
  case f32
  /// Rounded to half precision, in half the memory; a number that no half can hold becomes NaN, which sampling
  /// reports as ``InferenceError/damagedLogits(position:)``.
  case f16
  /// Int8 with one scale for each head of each position, in little more than a quarter of the memory.
  case q8

  /// `f16` beside int8 weights, which have long been rounded further, and `f32` beside fp32 ones.
  public static func automatic(for format: CheckpointFormat) -> KVType {
    if case .v2 = format { .f16 } else { .f32 }
  }

  var kernelType: lck_kv_type {
    switch self {
    case .f32: lck_kv_f32
    case .f16: lck_kv_f16
    case .q8: lck_kv_q8
    }
  }

  var elementBytes: Int {
    switch self {
    case .f32: 4
    case .f16: 2
    case .q8: 1
    }
  }
}

/// Where each head's keys and values lie in a cache's memory: (layers, kvHeads), each keys, values, and the scales
/// of both.
package struct KVLayout: Sendable {
  package let type: KVType
  /// The capacity in whole blocks of keys.
  package let rows: Int
  /// Bytes of the whole cache.
  package let byteCount: Int
  /// Bytes of one layer.
  package let layerBytes: Int

  /// Beyond any machine, and far enough from what an integer holds to add to.
  private static let (mostRows, mostBytes) = (1 << 32, 1 << 60)

  private let kvHeads: Int
  private let headSize: Int
  /// Bytes of one head's keys, and of its values.
  package let planeBytes: Int
  /// Bytes of one head's scales of keys, and of those of values.
  package let scaleBytes: Int

  /// The layout for `capacity` tokens; `nil` when it is not a size that memory could have.
  package init?(config: ModelConfig, capacity: Int, type: KVType) {
    let block = Int(lck_key_block)
    let (raised, overflow) = capacity.addingReportingOverflow(block - 1)
    guard capacity >= 0, !overflow, raised <= Self.mostRows else { return nil }
    rows = raised / block * block
    self.type = type
    kvHeads = config.kvHeads
    headSize = config.headSize
    let scaleStride = type == .q8 ? MemoryLayout<Float>.stride : 0
    guard let planeBytes = Self.lines(Self.product(rows, config.headSize, type.elementBytes)),
      let scaleBytes = Self.lines(Self.product(rows, scaleStride)),
      let headBytes = Self.product(2, planeBytes + scaleBytes),
      let byteCount = Self.product(config.layers, config.kvHeads, headBytes),
      byteCount <= Self.mostBytes
    else { return nil }
    self.planeBytes = planeBytes
    self.scaleBytes = scaleBytes
    self.byteCount = byteCount
    layerBytes = config.kvHeads * headBytes
  }

  /// One head's part of a cache that begins at `memory`.
  func head(_ head: Int, layer: Int, in memory: UnsafeMutableRawPointer) -> lck_kv_head {
    let start = memory + self.start(ofHead: head, layer: layer)
    let scales = start + 2 * planeBytes
    return lck_kv_head(
      type: type.kernelType, head_size: headSize, keys: start, values: start + planeBytes,
      key_scales: scales.assumingMemoryBound(to: Float.self),
      value_scales: (scales + scaleBytes).assumingMemoryBound(to: Float.self))
  }

  /// Where the first `count` positions of a head lie, in bytes: keys, values, and the scales of both for q8.
  func planes(ofHead head: Int, layer: Int, holding count: Int) -> [Range<Int>] {
    let bytes = sizes(holding: count)
    let keys = start(ofHead: head, layer: layer)
    let scales = keys + 2 * planeBytes
    var planes = [(keys, bytes.keys), (keys + planeBytes, bytes.values)]
    if type == .q8 { planes += [(scales, bytes.scales), (scales + scaleBytes, bytes.scales)] }
    return planes.map { $0..<$0 + $1 }
  }

  private func start(ofHead head: Int, layer: Int) -> Int {
    (layer * kvHeads + head) * 2 * (planeBytes + scaleBytes)
  }

  /// Bytes of those planes together.
  func planeBytes(holding count: Int) -> Int {
    let bytes = sizes(holding: count)
    return bytes.keys + bytes.values + (type == .q8 ? 2 * bytes.scales : 0)
  }

  /// Keys come in whole blocks; for counts up to the capacity.
  private func sizes(holding count: Int) -> (keys: Int, values: Int, scales: Int) {
    let block = Int(lck_key_block)
    let row = headSize * type.elementBytes
    return (
      (count + block - 1) / block * block * row, count * row, count * MemoryLayout<Float>.stride
    )
  }

  /// Bytes raised to whole cache lines; `nil` when two such numbers might overflow.
  private static func lines(_ bytes: Int?) -> Int? {
    bytes.flatMap { $0 < .max / 4 ? ($0 + 63) / 64 * 64 : nil }
  }

  private static func product(_ factors: Int...) -> Int? {
    var product = 1
    for factor in factors {
      let (value, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = value
    }
    return product
  }
}
