import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Inference

/// One number that stands for all logits of a text, recorded, and the same everywhere.
///
/// The recordings hold for every processor of little-endian Linux with glibc, whose sines and powers they contain.
@Suite struct LogitsHashTests {
  /// The hash of the logits after each call, for calls of `size` tokens: of those after the last token alone, and
  /// of all there are.
  private func hash(_ engine: Engine, _ tokens: [TokenID], calls size: Int) throws -> UInt64 {
    let cache = try KVCache(config: engine.model.config, capacity: tokens.count)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for start in stride(from: 0, to: tokens.count, by: size) {
      let end = min(start + size, tokens.count)
      let logits = try engine.forward(tokens[start..<end], cache: cache)
      guard end == tokens.count else { continue }
      for value in logits {
        hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
      }
    }
    return hash
  }

  /// Checks every number of threads, instruction set, and some sizes of calls.
  private func expectEverywhere(
    _ model: Model, _ tokens: [TokenID], calls sizes: [Int], is recorded: UInt64
  ) throws {
    for name in Engine.instructionSets {
      let engine = try Engine(model: model, threads: 1, instructionSet: name)
      for threads in 1...Engine.maximumThreads {
        try engine.resize(threads: threads)
        // The scalar kernels are slow, and their agreement is tested kernel by kernel.
        for size in name == "scalar" ? [tokens.count] : sizes {
          let found = try hash(engine, tokens, calls: size)
          #expect(
            found == recorded,
            "0x\(String(found, radix: 16)) with \(name), \(threads) threads, calls of \(size)")
        }
        if name == "scalar" { break }
      }
    }
  }

  #if canImport(Glibc)
    @Test(
      arguments: [
        (CheckpointFormat.v1, 0x1A51_3DE4_D1E8_ADE5), (.v2(groupSize: 64), 0x162C_7A92_D4B5_22C2),
      ] as [(CheckpointFormat, UInt64)])
    func ofTheTinyModel(format: CheckpointFormat, recorded: UInt64) throws {
      let tiny = try TinyEngine(format)
      try expectEverywhere(
        tiny.engine.model, TinyEngine.tokens(100), calls: [1, 7, 64, 100], is: recorded)
    }

    @Test(.enabled(if: DemoModel.path != nil, "needs the demo model"))
    func ofTheDemoModel() throws {
      let checkpoint = try Checkpoint(path: try #require(DemoModel.path))
      try #require(checkpoint.format == .v1, "the recording is of fp32 weights")
      try expectEverywhere(
        Model(checkpoint: checkpoint), TinyEngine.tokens(24, vocabSize: 49_152), calls: [1, 5, 24],
        is: 0xA7E7_BFF3_C7B6_0E93)
    }
  #endif
}
