import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// Text recorded from llama2.c's run and runq, made on a device.
@Suite(
  .enabled(if: TestDevices.isAvailable, TestDevices.reason),
  .enabled(if: TestData.isAvailable, "needs recorded data"))
struct DeviceTranscriptTests {
  @Test(arguments: [
    ("stories260K.bin", "fp32_t0_n256.txt", DeviceMath.f32),
    ("stories260K_v1.bin", "fp32_t0_n256.txt", .f32),
    ("stories260K_q80.bin", "q80_t0_n256.txt", .f32),
    // Rounded weights could end a tie another way; they do not.
    ("stories260K.bin", "fp32_t0_n256.txt", .f16),
  ])
  func textIsReproduced(_ model: String, _ transcript: String, _ math: DeviceMath) throws {
    let checkpoint = try Checkpoint(path: TestData.path("stories260K/" + model))
    let vocabulary = try Vocabulary(path: TestData.path("stories260K/tok512.bin"))
    let engine = try Engine(model: Model(checkpoint: checkpoint), threads: 1)
    engine.use(try DeviceBackend(engine.model, on: TestDevices.first(), math: math))
    var completion = Completion(
      engine: engine, tokenizer: try vocabulary.makeTokenizer(),
      sampler: Sampler(temperature: 0, topP: 0.9, seed: 1))
    var text = ""
    _ = try completion.run(prompt: [], steps: 256) { text += $0 }
    #expect(Array((text + "\n").utf8) == (try TestData.bytes("stories260K/" + transcript)))
  }
}
