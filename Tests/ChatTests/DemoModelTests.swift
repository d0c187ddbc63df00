import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

/// SmolLM2-135M-Instruct in fp32, against ids recorded from llama.cpp with the same weights in F32.
@Suite(
  .enabled(if: DemoModel.path != nil, "needs the demo model"),
  .enabled(if: TestData.isAvailable, "needs recorded data"))
struct DemoModelTests {
  private struct Recording: Decodable {
    let user: String
    let promptIds: [TokenID]
    let greedyIds: [TokenID]
    let text: String
  }

  private func recordings() throws -> [Recording] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = Data(try TestData.bytes("smollm2/greedy-f32.json"))
    return try decoder.decode([Recording].self, from: data)
  }

  @Test func greedyIdsAreReproduced() throws {
    let checkpoint = try Checkpoint(path: try #require(DemoModel.path))
    try #require(checkpoint.format == .v1, "the recording is of fp32 weights")
    let engine = try Engine(
      model: Model(checkpoint: checkpoint), threads: Processors.available)
    let tokenizer = try Vocabulary.resolve(for: checkpoint, override: nil).makeTokenizer()
    let kind = try #require(checkpoint.metadata.template)
    let template = try ChatTemplate(
      kind: kind, tokenizer: tokenizer, metadata: checkpoint.metadata)
    var sampler = Sampler(temperature: 0, topP: 1, seed: 1)

    for recording in try recordings() {
      let prompt = template.encode(system: nil, turns: [], pending: recording.user)
      #expect(prompt == recording.promptIds, "\(recording.user)")
      let cache = try KVCache(config: checkpoint.config, capacity: 256)
      var logits = try engine.forward(prompt, cache: cache)
      var ids: [TokenID] = []
      while ids.count < recording.greedyIds.count {
        let id = try sampler.sample(
          logits, count: tokenizer.vocabulary.count, position: cache.count)
        ids.append(id)
        logits = try engine.forward(CollectionOfOne(id), cache: cache)
      }
      #expect(ids == recording.greedyIds, "\(recording.user)")
    }
  }

  @Test func repliesAreReproduced() throws {
    let checkpoint = try Checkpoint(path: try #require(DemoModel.path))
    let engine = try Engine(
      model: Model(checkpoint: checkpoint), threads: Processors.available)
    let tokenizer = try Vocabulary.resolve(for: checkpoint, override: nil).makeTokenizer()
    let template = try ChatTemplate(
      kind: .chatML, tokenizer: tokenizer, metadata: checkpoint.metadata)
    var settings = Settings(capacity: 512)
    try settings.set(.temp, to: "0")
    for recording in try recordings() {
      try settings.set(.max, to: String(recording.greedyIds.count))
      let conversation = try Conversation(engine: engine, template: template, settings: settings)
      _ = try conversation.reply(to: recording.user, interrupt: InterruptFlag()) { _ in }
      #expect(conversation.turns.last?.answer == recording.text)
    }
  }
}
