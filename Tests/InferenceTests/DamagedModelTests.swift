import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Inference

/// A small int8 model, cut and changed everywhere, used as a chat would: an error, or finite logits.
@Suite struct DamagedModelTests {
  private let folder: TemporaryDirectory
  private let path: String
  private let sound: [UInt8]

  init() throws {
    folder = try TemporaryDirectory()
    path = folder.file("small.bin")
    // About four kilobytes.
    let config = ModelConfig(
      dim: 16, hiddenDim: 24, layers: 1, heads: 2, kvHeads: 1, vocabSize: 32, contextLength: 8,
      sharedClassifier: true)
    try TinyModel.write(
      to: path, config: config, format: .v2(groupSize: 8), writesExtension: false)
    sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Opens the file, reads two tokens, and looks at the logits.
  private func use() throws {
    let checkpoint = try Checkpoint(path: path)
    let config = checkpoint.config
    let engine = try Engine(model: Model(checkpoint: checkpoint), threads: 1)
    let last = TokenID(config.vocabSize - 1)
    let cache = try KVCache(config: config, capacity: 2)
    let logits = try engine.forward([0, last], cache: cache)
    // NaN and infinity are the sampler's to find, and it must.
    var sampler = Sampler(temperature: 0.7, topP: 0.9, seed: 1)
    let token = try sampler.sample(logits, count: logits.count, position: cache.count)
    #expect((0...last).contains(token) && logits.allSatisfy(\.isFinite))
  }

  @Test func everyCutIsRefused() throws {
    try use()
    for count in sound.indices.reversed() {
      #expect(truncate(path, off_t(count)) == 0)
      #expect(throws: ModelFileError.self, "\(count) bytes") { try use() }
    }
  }

  @Test func everyFlippedBitIsAnErrorOrAnotherModel() throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var refused = 0
    for bit in 0..<8 * min(sound.count, 4096) {
      let byte = sound[bit / 8] ^ (1 << UInt8(bit % 8))
      #expect(pwrite(file.fileDescriptor, [byte], 1, off_t(bit / 8)) == 1)
      do {
        try use()
      } catch {
        #expect(error is any Failure, "bit \(bit): \(error)")
        refused += 1
      }
      #expect(pwrite(file.fileDescriptor, [sound[bit / 8]], 1, off_t(bit / 8)) == 1)
    }
    #expect(refused > 36 * 8 / 2, "\(refused)")
    try use()
  }
}
