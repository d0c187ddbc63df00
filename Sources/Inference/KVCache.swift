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
  /// (layers, 2, kvHeads, rows, headSize): keys, then values; pages are taken when first written.
  private let memory: UnsafeMutablePointer<Float>
  /// The capacity in whole blocks of keys.
  private let rows: Int
  private let byteCount: Int

  /// Reserves room for `capacity` tokens; memory is taken as positions are used.
  ///
  /// - Throws: ``InferenceError`` when it does not fit into memory.
  public init(config: ModelConfig, capacity: Int) throws {
    let byteCount = Self.byteCount(config: config, capacity: capacity)
    let rows = Self.wholeBlocks(capacity) ?? 0
    let available = SystemMemory.available()
    let tooLarge = InferenceError.cacheDoesNotFit(
      bytes: byteCount ?? .max, available: available, capacity: capacity,
      fitting: Self.fitting(config: config, available: available))
    guard capacity > 0, let byteCount, byteCount <= available else { throw tooLarge }
    let memory = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw tooLarge }
    self.capacity = capacity
    self.config = config
    self.byteCount = byteCount
    self.rows = rows
    self.memory = memory.bindMemory(
      to: Float.self, capacity: byteCount / MemoryLayout<Float>.stride)
  }

  deinit { munmap(memory, byteCount) }

  /// Bytes a cache of `capacity` tokens can come to use: 2 · layers · capacity · kvDim floats.
  ///
  /// - Returns: `nil` when the product overflows.
  public static func byteCount(config: ModelConfig, capacity: Int) -> Int? {
    var product = 2 * MemoryLayout<Float>.stride
    guard let rows = wholeBlocks(capacity) else { return nil }
    for factor in [config.layers, config.kvDim, rows] {
      let (value, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = value
    }
    return product
  }

  /// A context that leaves room for other things, not above what the model was made for.
  private static func fitting(config: ModelConfig, available: Int) -> Int {
    let block = Int(lck_key_block)
    guard let blockBytes = byteCount(config: config, capacity: block), blockBytes > 0 else {
      return block
    }
    let blocks = available / blockBytes / 4 * 3
    return max(block, min(blocks * block, config.contextLength))
  }

  private static func wholeBlocks(_ capacity: Int) -> Int? {
    let block = Int(lck_key_block)
    let (raised, overflow) = capacity.addingReportingOverflow(block - 1)
    return overflow ? nil : raised / block * block
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
    let used = (count + Int(lck_key_block) - 1) / Int(lck_key_block) * Int(lck_key_block)
    for index in 0..<2 * config.layers {
      for head in 0..<config.kvHeads {
        plane(index, head: head).update(repeating: 0.01, count: used * config.headSize)
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

  /// Keys of one head in blocks of 16 positions, (rows / 16, headSize, 16).
  func keys(layer: Int, head: Int) -> UnsafeMutablePointer<Float> {
    plane(2 * layer, head: head)
  }

  /// Values of one head, (rows, headSize).
  func values(layer: Int, head: Int) -> UnsafeMutablePointer<Float> {
    plane(2 * layer + 1, head: head)
  }

  private func plane(_ plane: Int, head: Int) -> UnsafeMutablePointer<Float> {
    memory + (plane * config.kvHeads + head) * rows * config.headSize
  }
}
