import ModelFile
import Tokenization

/// What computes forward passes: this machine's processors, or a graphics device.
///
/// It keeps one model's weights where it computes, its scratch memory, and the rows of ``KVCache``s made for
/// it. ``Engine`` checks what comes in, cuts prompts into batches, and counts.
package protocol Backend: AnyObject {
  /// What `--device` calls it: `cpu`, `gpu:0`.
  var name: String { get }
  /// Tells apart those whose logits are not the same bits, and so their caches: 0 for the processors' own.
  var arithmetic: UInt32 { get }
  /// The most tokens of one pass.
  var maximumBatch: Int { get }
  /// Kernels launched so far; 0 for the processors.
  var launches: Int { get }
  /// Bytes that keys and values could take.
  var availableMemory: Int { get }

  /// Bytes of weights read to decode one token, as they are kept here.
  var bytesPerToken: Int { get }

  /// Bytes of what ``makeMemory(for:)`` makes.
  func byteCount(of layout: KVLayout) -> Int

  /// Room for keys and values; a range asked for later never reaches over the end of a layer.
  ///
  /// - Returns: `nil` when it is not to be had.
  func makeMemory(for layout: KVLayout) throws -> (any KVMemory)?

  /// Reads a batch of tokens at the end of a cache whose memory this made, and has the cache count them.
  ///
  /// - Parameters:
  ///   - wantsLogits: Whether the last token's logits are needed, (vocabSize).
  ///   - beforeLayer: Called with the index of each layer; what it throws ends the pass, with the cache as it was.
  /// - Returns: The logits, valid until the next call; empty when they are not wanted.
  func forward(
    _ tokens: ArraySlice<TokenID>, _ cache: KVCache, wantsLogits: Bool,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> UnsafeBufferPointer<Float>

  /// The same, for who needs of the logits only where the highest is.
  ///
  /// - Returns: The first of the highest among the first `count` logits, of which there are as many; `count` when
  ///   one of them is NaN or infinite.
  func mostLikely(
    after tokens: ArraySlice<TokenID>, _ cache: KVCache, among count: Int,
    beforeLayer: (_ layer: Int) throws -> Void
  ) throws -> Int
}

/// Where a ``KVCache``'s rows lie, as bytes laid out by ``KVLayout``.
package protocol KVMemory: AnyObject {
  /// Lends a range of it for reading.
  func read(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
  /// Lends a range of it, all of which is to be written.
  func write(_ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws
}
