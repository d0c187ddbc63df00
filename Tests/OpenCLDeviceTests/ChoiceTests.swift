import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// The most likely token, found where the logits are.
@Suite(.enabled(if: TestDevices.isAvailable, TestDevices.reason), .serialized)
struct ChoiceTests {
  private static let count = 5000

  /// The kernel and its host, built once for all tests.
  private struct Search {
    let queue: DeviceQueue
    let search: MostLikelySearch
    let logits: DeviceBuffer

    init() throws {
      queue = try TestDevices.queue()
      let source = PackageResources.arithmetic_cl + PackageResources.choice_cl
      let program = try DeviceProgram(
        String(decoding: source, as: UTF8.self), options: "-cl-std=CL1.2", queue: queue, cache: nil)
      search = try MostLikelySearch(program, logits: ChoiceTests.count)
      logits = try DeviceBuffer(queue, byteCount: ChoiceTests.count * 4)
    }
  }
  // Tests of this suite run one after the other.
  nonisolated(unsafe) private static let search = Result { try Search() }

  private func mostLikely(_ values: [Float], among count: Int? = nil) throws -> Int {
    let tool = try Self.search.get()
    try values.withUnsafeBytes { try tool.queue.write($0, to: tool.logits) }
    return try tool.search.first(of: tool.logits, among: count ?? values.count)
  }

  private func noise(_ seed: UInt64) -> [Float] {
    var random = SeededGenerator(seed: seed)
    return (0..<Self.count).map { _ in Float(random.next() >> 40) / Float(1 << 23) - 1 }
  }

  @Test func isTheProcessors() throws {
    for seed in 1...20 {
      let logits = noise(UInt64(seed))
      for count in [1, 2, 127, 129, 2048, 2049, 4096, Self.count] {
        let found = try mostLikely(logits, among: count)
        #expect(found == logits[..<count].indices.max { logits[$0] < logits[$1] })
      }
    }
  }

  /// Of equals the first, be they neighbours, in one work item, in one stretch or far apart.
  @Test(arguments: [
    (0, 1), (5, 133), (6, 7), (2047, 2048), (100, 4900), (4999, 4999), (3000, 3128),
  ])
  func equalsGoByPlace(_ first: Int, _ second: Int) throws {
    var logits = noise(3)
    (logits[first], logits[second]) = (2, 2)
    #expect(try mostLikely(logits) == first)
    let low = [Float](repeating: -7.5, count: Self.count)
    #expect(try mostLikely(low) == 0)
    var zeros = [Float](repeating: -1, count: Self.count)
    (zeros[first], zeros[second]) = (-0.0, 0.0)
    #expect(try mostLikely(zeros) == first)
  }

  @Test(arguments: [Float.nan, -.nan, .infinity, -.infinity], [0, 1, 2047, 2048, 4999])
  func damageIsSeen(_ value: Float, at place: Int) throws {
    var logits = noise(4)
    logits[place] = value
    #expect(try mostLikely(logits) == Self.count)
    // What is not asked for does not matter.
    let others = [Float](repeating: 1, count: place) + [value]
    if place > 0 { #expect(try mostLikely(others, among: place) == 0) }
  }

  /// Greedy texts come out the same, and only a few bytes come back.
  @Test func textsAreTheProcessors() throws {
    let tiny = try TinyDevice(Shape.all[4])
    func text(_ engine: Engine) throws -> [TokenID] {
      let cache = try engine.makeCache(capacity: 64)
      var sampler = Sampler(temperature: 0, topP: 0.9, seed: 1)
      var tokens = [
        try engine.draw(with: &sampler, among: 400, after: tiny.tokens(5), cache: cache)
      ]
      while cache.count < 40, let last = tokens.last {
        tokens.append(
          try engine.draw(with: &sampler, among: 400, after: CollectionOfOne(last), cache: cache))
      }
      return tokens
    }
    #expect(try text(tiny.gpu) == text(tiny.cpu))
  }

  @Test func damagedModelsAreNoticedWithTheirPosition() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("damaged.bin")
    try TinyModel.write(to: path)
    let layout = try Checkpoint(path: path).layout
    let table = try #require(layout.tensors.first { $0.role == .tokenEmbedding })
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seek(toOffset: UInt64(table.offset + 4 * 7 * TinyModel.config.dim))
    try file.write(contentsOf: [0, 0, 0xC0, 0x7F])
    try file.close()
    let engine = try Engine(model: Model(checkpoint: Checkpoint(path: path)), threads: 1)
    for onDevice in [false, true] {
      if onDevice { engine.use(try DeviceBackend(engine.model, on: TestDevices.first())) }
      for temperature in [Float(0), 1] {
        let cache = try engine.makeCache(capacity: 16)
        var sampler = Sampler(temperature: temperature, topP: 0.9, seed: 1)
        #expect(throws: InferenceError.damagedLogits(position: 3)) {
          try engine.draw(with: &sampler, among: 512, after: [1, 2, 3], cache: cache)
        }
      }
    }
  }
}
