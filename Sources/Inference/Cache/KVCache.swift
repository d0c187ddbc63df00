import CKernels
import ModelFile
import Tokenization

/// Keys and values of the tokens read so far, and which tokens they are.
///
/// The cache owns the position: only ``Engine/forward(_:cache:interrupt:progress:)`` appends, only
/// ``truncate(to:)`` goes back. Rows past ``count`` are never read.
public final class KVCache {
  /// The most tokens it can hold.
  public let capacity: Int
  /// The tokens it holds, oldest first.
  public private(set) var tokens: [TokenID] = []

  private let config: ModelConfig
  /// Where each row lies in ``memory``.
  package let layout: KVLayout
  /// Where the rows are.
  package let memory: any KVMemory
  /// See ``Backend/arithmetic``.
  private let arithmetic: UInt32

  /// Reserves room for `capacity` tokens; memory is taken as positions are used.
  ///
  /// - Parameter type: How keys and values are kept; logits depend on it.
  /// - Throws: ``InferenceError`` when it does not fit into memory.
  public convenience init(config: ModelConfig, capacity: Int, type: KVType = .f32) throws {
    try self.init(config: config, capacity: capacity, type: type, backend: nil)
  }

  /// The same, where `backend` computes; `nil` for the processors.
  package init(
    config: ModelConfig, capacity: Int, type: KVType, backend: (any Backend)?
  ) throws {
    let layout = KVLayout(config: config, capacity: capacity, type: type)
    let available = backend?.availableMemory ?? SystemMemory.available()
    func byteCount(_ layout: KVLayout) -> Int { backend?.byteCount(of: layout) ?? layout.byteCount }
    let block = KVLayout(config: config, capacity: Int(lck_key_block), type: type)
    let tooLarge = InferenceError.cacheDoesNotFit(
      bytes: layout.map(byteCount) ?? .max, available: available, capacity: capacity,
      fitting: Self.fitting(
        config: config, blockBytes: block.map(byteCount) ?? 0, available: available))
    guard capacity > 0, let layout, byteCount(layout) <= available else { throw tooLarge }
    let memory: (any KVMemory)? =
      if let backend {
        try backend.makeMemory(for: layout)
      } else {
        HostMemory(byteCount: layout.byteCount)
      }
    guard let memory else { throw tooLarge }
    self.capacity = capacity
    self.config = config
    self.layout = layout
    self.memory = memory
    arithmetic = backend?.arithmetic ?? 0
  }

  /// How keys and values are kept.
  public var type: KVType { layout.type }

  /// Bytes it can come to use.
  public var byteCount: Int { layout.byteCount }

  /// Bytes a cache of `capacity` tokens can come to use: 2 · layers · capacity · kvDim elements, and scales.
  ///
  /// - Returns: `nil` when the product overflows.
  public static func byteCount(config: ModelConfig, capacity: Int, type: KVType) -> Int? {
    KVLayout(config: config, capacity: capacity, type: type)?.byteCount
  }

  /// A context that leaves room for other things, not above what the model was made for.
  ///
  /// - Parameter blockBytes: Bytes of a block of positions.
  private static func fitting(config: ModelConfig, blockBytes: Int, available: Int) -> Int {
    let block = Int(lck_key_block)
    guard blockBytes > 0 else { return block }
    let blocks = available / blockBytes / 4 * 3
    return max(block, min(blocks * block, config.contextLength))
  }

  /// Number of tokens held, which is the next token's position.
  public var count: Int { tokens.count }

  /// Forgets every token from position `count` on; costs nothing.
  public func truncate(to count: Int) {
    guard count < tokens.count else { return }
    tokens.removeSubrange(max(0, count)...)
  }

  /// How many leading tokens of `other` the cache already holds.
  public func commonPrefix(with other: [TokenID]) -> Int {
    zip(tokens, other).prefix { $0 == $1 }.count
  }

  /// Holds `count` copies of token 0 with made-up rows, to measure speed at a depth without reading to it.
  func occupy(_ count: Int) throws {
    guard count > 0 else { return truncate(to: 0) }
    var single = config
    (single.layers, single.kvHeads, single.heads) = (1, 1, 1)
    single.dim = config.headSize
    let source = try KVCache(config: single, capacity: count, type: type)
    let row = [Float](repeating: 0.01, count: config.headSize)
    var head = source.head(0, layer: 0)
    // A stride of 0 takes the same row again and again.
    lck_kernels_best().pointee.store_kv(&head, row, row, 0, 0, count)
    let sources = source.planes(holding: count)
    for (index, plane) in planes(holding: count).enumerated() {
      try source.memory.read(sources[index % sources.count]) { row in
        try memory.write(plane) { $0.copyMemory(from: row) }
      }
    }
    tokens = Array(repeating: 0, count: count)
  }

  /// Whether its rows are those of a model of this shape.
  func fits(_ other: ModelConfig) -> Bool {
    config.layers == other.layers && config.kvHeads == other.kvHeads
      && config.headSize == other.headSize
  }

  /// Declares the rows of the next positions valid.
  package func append(_ batch: some Collection<TokenID>) { tokens.append(contentsOf: batch) }

  /// The rows of one KV head; for caches of the processors.
  func head(_ head: Int, layer: Int) -> lck_kv_head {
    guard let start = (memory as? HostMemory)?.bytes.baseAddress else {
      preconditionFailure("the cache is another device's")
    }
    return layout.head(head, layer: layer, in: start)
  }

  /// What the rows of a file must agree with.
  ///
  /// The type is the lowest byte; above it is what tells the arithmetic.
  var shape: (type: Int, layers: Int, kvHeads: Int, headSize: Int) {
    let type = layout.type.kernelType.rawValue | (arithmetic << 8)
    return (Int(type), config.layers, config.kvHeads, config.headSize)
  }

  /// Where the first `count` positions lie, by layer and head; keys in whole blocks.
  func planes(holding count: Int) -> [Range<Int>] {
    (0..<config.layers).flatMap { layer in
      (0..<config.kvHeads).flatMap { layout.planes(ofHead: $0, layer: layer, holding: count) }
    }
  }

  /// Bytes of keys and values that decoding one token reads when the cache then holds `count`.
  public func bytesRead(at count: Int) -> Int { rowBytes(count) }

  /// Bytes the positions in use take.
  public var usedBytes: Int { rowBytes(count) }

  /// Bytes of those planes.
  func rowBytes(_ count: Int) -> Int {
    layout.planeBytes(holding: count) * config.layers * config.kvHeads
  }
}
