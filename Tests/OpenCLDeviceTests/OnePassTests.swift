import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// Attention in one pass, as `--gpu-math f16` has it, beside the processors computing with the same halves.
@Suite(.enabled(if: TestDevices.isAvailable, TestDevices.reason), .serialized)
struct OnePassTests {
  /// The edges of a split, and of a block of scores within it.
  private static let (split, block) = (KernelShape.attentionSplit, KernelShape.attentionItems)
  private static let positions = 2 * split + 40

  /// Batches that end before, at and after edges, and single tokens across them.
  private static func calls(_ tokens: [TokenID]) -> [ArraySlice<TokenID>] {
    let singles = { (range: Range<Int>) in range.map { tokens[$0...$0] } }
    return [tokens[0..<(block - 1)]] + singles((block - 1)..<(block + 2))
      + [tokens[(block + 2)..<(split - 2)]] + singles((split - 2)..<(split + 2))
      + [tokens[(split + 2)..<(2 * split - 7)], tokens[(2 * split - 7)..<(2 * split + 6)]]
      + singles((2 * split + 6)..<(2 * split + 9))
  }

  private static let heads = Shape("fp32, heads wider than a work group", .v1) {
    ($0.dim, $0.heads, $0.kvHeads) = (288, 2, 1)
  }

  @Test(arguments: [
    (Shape.all[0], KVType.f32), (Shape.all[0], .f16), (Shape.all[0], .q8), (Shape.all[1], .f32),
    (Shape.all[2], .f16), (Shape.all[3], .q8), (heads, .f32),
  ])
  func isNearTheProcessors(_ shape: Shape, _ type: KVType) throws {
    let tiny = try TinyDevice(shape.reading(Self.positions), math: .f16, isHalved: true)
    #expect(tiny.backend.arithmetic != 0)
    let calls = Self.calls(tiny.tokens(Self.positions))
    let expected = try TinyDevice.logits(tiny.cpu, calls, kv: type)
    let found = try TinyDevice.logits(tiny.gpu, calls, kv: type)
    #expect(tiny.backend.buildLog == "")
    for (call, (found, expected)) in zip(calls, zip(found, expected)) {
      #expect(relativeError(found, expected) < 1e-4, "to position \(call.endIndex)")
    }
  }

  /// Where a last digit differs, a number may be rounded to its other neighbour in int8.
  @Test func isNearForInt8Models() throws {
    let tiny = try TinyDevice(Shape.all[4].reading(Self.positions), math: .f16)
    #expect(tiny.backend.arithmetic != 0)
    let calls = Self.calls(tiny.tokens(Self.positions))
    let expected = try TinyDevice.logits(tiny.cpu, calls)
    let found = try TinyDevice.logits(tiny.gpu, calls)
    for (found, expected) in zip(found, expected) {
      #expect(relativeError(found, expected) < 2e-2)
    }
    // With no digit different it would be the exact order.
    #expect(found != expected)
  }

  @Test(arguments: [(Shape.all[0], KVType.q8), (Shape.all[1], .f32), (Shape.all[2], .f16)])
  func doesNotDependOnTheBatch(_ shape: Shape, _ type: KVType) throws {
    let tiny = try TinyDevice(shape.reading(Self.positions), math: .f16)
    let tokens = tiny.tokens(Self.positions)
    // Up to there, all read the same.
    let start = Self.split - 20
    func logits(_ size: Int) throws -> [Int: [Float]] {
      let calls = stride(from: start, to: tokens.count, by: size).map {
        tokens[$0..<min($0 + size, tokens.count)]
      }
      let found = try TinyDevice.logits(tiny.gpu, [tokens[..<start]] + calls, kv: type)
      return Dictionary(uniqueKeysWithValues: zip(calls.map(\.endIndex), found.dropFirst()))
    }
    let expected = try logits(1)
    for size in [2, 33, 128, tokens.count] {
      for (end, logits) in try logits(size) {
        #expect(logits == expected[end], "calls of \(size), to \(end)")
      }
    }
  }

  @Test func halvesAreNearFloats() throws {
    let tiny = try TinyDevice(Shape.all[0], math: .f16)
    #expect(tiny.backend.bytesPerToken < tiny.cpu.model.bytesPerToken * 6 / 10)
    let calls = [tiny.tokens(60)[...]]
    let expected = try TinyDevice.logits(tiny.cpu, calls)
    for (found, expected) in zip(try TinyDevice.logits(tiny.gpu, calls), expected) {
      #expect(relativeError(found, expected) < 1e-2)
      #expect(relativeError(found, expected) > 1e-4)
    }
  }

  /// Only contexts that are split need their parts combined.
  @Test func launchesAreFew() throws {
    let tiny = try TinyDevice(Shape.all[0].reading(Self.positions), math: .f16)
    let cache = try tiny.gpu.makeCache(capacity: Self.positions)
    let tokens = tiny.tokens(Self.split + 1)
    _ = try tiny.gpu.forward(tokens[..<(Self.split - 1)], cache: cache)
    func launches(_ token: ArraySlice<TokenID>) throws -> Int {
      let before = tiny.backend.launches
      _ = try tiny.gpu.forward(token, cache: cache)
      return tiny.backend.launches - before
    }
    let layers = tiny.cpu.model.config.layers
    #expect(try launches(tokens[(Self.split - 1)..<Self.split]) == 3 + 7 * layers)
    #expect(try launches(tokens[Self.split...]) == 3 + 8 * layers)
  }
}
