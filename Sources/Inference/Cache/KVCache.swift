import CKernels
import Foundation
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
  private let layout: KVLayout
  /// Pages are taken when first written.
  private let memory: UnsafeMutableRawPointer

  /// Reserves room for `capacity` tokens; memory is taken as positions are used.
  ///
  /// - Parameter type: How keys and values are kept; logits depend on it.
  /// - Throws: ``InferenceError`` when it does not fit into memory.
  public init(config: ModelConfig, capacity: Int, type: KVType = .f32) throws {
    let layout = KVLayout(config: config, capacity: capacity, type: type)
    let available = SystemMemory.available()
    let tooLarge = InferenceError.cacheDoesNotFit(
      bytes: layout?.byteCount ?? .max, available: available, capacity: capacity,
      fitting: Self.fitting(config: config, type: type, available: available))
    guard capacity > 0, let layout, layout.byteCount <= available else { throw tooLarge }
    let memory = mmap(
      nil, layout.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw tooLarge }
    self.capacity = capacity
    self.config = config
    self.layout = layout
    self.memory = memory
  }

  deinit { munmap(memory, layout.byteCount) }

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
  private static func fitting(config: ModelConfig, type: KVType, available: Int) -> Int {
    let block = Int(lck_key_block)
    let layout = KVLayout(config: config, capacity: block, type: type)
    guard let blockBytes = layout?.byteCount, blockBytes > 0 else { return block }
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
  func occupy(_ count: Int) {
    let row = [Float](repeating: 0.01, count: config.headSize)
    for layer in 0..<config.layers {
      for index in 0..<config.kvHeads {
        var head = head(index, layer: layer)
        // A stride of 0 takes the same row again and again.
        lck_kernels_best().pointee.store_kv(&head, row, row, 0, 0, count)
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
  func append(_ batch: some Collection<TokenID>) { tokens.append(contentsOf: batch) }

  /// The rows of one KV head.
  func head(_ head: Int, layer: Int) -> lck_kv_head {
    layout.head(head, layer: layer, in: memory)
  }

  /// What the rows of a file must agree with.
  var shape: (type: Int, layers: Int, kvHeads: Int, headSize: Int) {
    (Int(layout.type.kernelType.rawValue), config.layers, config.kvHeads, config.headSize)
  }

  /// The memory of the first `count` positions, by layer and head; keys in whole blocks.
  func planes(holding count: Int) -> [UnsafeMutableRawBufferPointer] {
    (0..<config.layers).flatMap { layer in
      (0..<config.kvHeads).flatMap { layout.planes(head($0, layer: layer), holding: count) }
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
