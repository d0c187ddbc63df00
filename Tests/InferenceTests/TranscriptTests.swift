import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

/// Text recorded from llama2.c's run and runq, byte for byte.
@Suite(.enabled(if: TestData.isAvailable, "needs recorded data"))
struct TranscriptTests {
  struct Recording: CustomTestStringConvertible, Sendable {
    let models: [String]
    let transcript: String
    var temperature: Float = 0
    var topP: Float = 0.9
    var seed: UInt64 = 1
    var steps = 256
    var prompt = ""
    var testDescription: String { transcript }
  }

  static let fp32 = ["stories260K.bin", "stories260K_v1.bin"]
  static let recordings = [
    Recording(models: fp32, transcript: "fp32_t0_n256.txt"),
    Recording(
      models: fp32, transcript: "fp32_t1_p09_s133742.txt", temperature: 1, seed: 133_742),
    Recording(
      models: fp32, transcript: "fp32_t08_p0_s42_cat.txt", temperature: 0.8, topP: 0, seed: 42,
      steps: 200, prompt: "One day, a small cat"),
    Recording(models: ["stories260K_q80.bin"], transcript: "q80_t0_n256.txt"),
    Recording(
      models: ["stories260K_q80.bin"], transcript: "q80_t1_p09_s7_dog.txt", temperature: 1,
      seed: 7, prompt: "The dog"),
  ]

  @Test(arguments: recordings)
  func textIsReproduced(_ recording: Recording) throws {
    let vocabulary = try Vocabulary(path: TestData.path("stories260K/tok512.bin"))
    let expected = try TestData.bytes("stories260K/" + recording.transcript)
    for model in recording.models {
      let checkpoint = try Checkpoint(path: TestData.path("stories260K/" + model))
      for name in Engine.instructionSets {
        let engine = try Engine(
          model: Model(checkpoint: checkpoint), threads: 2, instructionSet: name)
        var completion = Completion(
          engine: engine, tokenizer: try vocabulary.makeTokenizer(),
          sampler: Sampler(
            temperature: recording.temperature, topP: recording.topP, seed: recording.seed))
        var text = ""
        _ = try completion.run(prompt: Array(recording.prompt.utf8), steps: recording.steps) {
          text += $0
        }
        #expect(Array((text + "\n").utf8) == expected, "\(model), \(name)")
      }
    }
  }
}
