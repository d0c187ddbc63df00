import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Inference

@Suite struct EngineTests {
  @Test(arguments: Variant.all)
  func equalsTheOracle(_ variant: Variant) throws {
    let tiny = try TinyEngine(variant.format, config: variant.config)
    let tokens = TinyEngine.tokens(12)
    let found = try tiny.logits(tokens.indices.map { tokens[$0...$0] })
    var oracle = tiny.oracle
    for (position, token) in tokens.enumerated() {
      let expected = oracle.forward(Int(token))
      let scale = expected.map(abs).max() ?? 1
      let error = zip(found[position], expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      // An int8 activation on the edge between two values may round the other way.
      #expect(error < scale * (variant.format.isQuantized ? 2e-2 : 2e-5), "position \(position)")
    }
  }

  @Test(arguments: Variant.all)
  func logitsDoNotDependOnThreads(_ variant: Variant) throws {
    let tokens = TinyEngine.tokens(40)
    let calls = [tokens[0..<30], tokens[30..<31], tokens[31..<40]]
    let tiny = try TinyEngine(variant.format, config: variant.config)
    let expected = try tiny.logits(calls)
    for threads in 1...Engine.maximumThreads {
      try tiny.engine.resize(threads: threads)
      #expect(tiny.engine.threads == threads)
      #expect(try tiny.logits(calls) == expected, "\(threads) threads")
    }
  }

  @Test(arguments: Variant.all)
  func logitsDoNotDependOnTheSplit(_ variant: Variant) throws {
    let tiny = try TinyEngine(variant.format, config: variant.config, threads: 2)
    let tokens = TinyEngine.tokens(128)
    let expected = try tiny.logits(tokens.indices.map { tokens[$0...$0] })
    for size in [2, 3, 5, 16, 17, 64, 127, 128] {
      let starts = Array(stride(from: 0, to: tokens.count, by: size))
      let calls = starts.map { tokens[$0..<min($0 + size, tokens.count)] }
      let found = try tiny.logits(calls)
      for (call, logits) in zip(calls, found) {
        #expect(logits == expected[call.endIndex - 1], "calls of \(size), to \(call.endIndex)")
      }
    }
  }

  @Test(arguments: Variant.all)
  func fillingLeavesWhatReadingLeaves(_ variant: Variant) throws {
    let tiny = try TinyEngine(variant.format, config: variant.config)
    let tokens = TinyEngine.tokens(21)
    let cache = try tiny.makeCache()
    try tiny.engine.fill(cache, with: tokens[..<20])
    #expect(cache.tokens == Array(tokens[..<20]))
    let logits = Array(try tiny.engine.forward(tokens[20...], cache: cache))
    #expect(try logits == tiny.logits([tokens[0...]])[0])
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      try tiny.engine.fill(cache, with: tokens, interrupt: interrupt)
    }
    #expect(cache.count == 21)
  }

  @Test(arguments: Variant.all)
  func logitsDoNotDependOnTheProcessor(_ variant: Variant) throws {
    let tokens = TinyEngine.tokens(40)
    let calls = [tokens[0..<37], tokens[37..<38], tokens[38..<40]]
    let scalar = try TinyEngine(variant.format, config: variant.config, instructionSet: "scalar")
    let expected = try scalar.logits(calls)
    for name in Engine.instructionSets {
      let tiny = try TinyEngine(variant.format, config: variant.config, instructionSet: name)
      #expect(tiny.engine.instructionSet == name)
      #expect(try tiny.logits(calls) == expected, "\(name)")
    }
  }

  @Test(arguments: Variant.all)
  func goingBackLeavesNoTrace(_ variant: Variant) throws {
    let tiny = try TinyEngine(variant.format, config: variant.config)
    let tokens = TinyEngine.tokens(60)
    let cache = try tiny.makeCache()
    _ = try tiny.engine.forward(tokens[0..<20], cache: cache)
    _ = try tiny.engine.forward(tokens[40..<60], cache: cache)
    #expect(cache.commonPrefix(with: Array(tokens[0..<40])) == 20)
    cache.truncate(to: 20)
    #expect(cache.tokens == Array(tokens[0..<20]))
    let found = Array(try tiny.engine.forward(tokens[20..<40], cache: cache))
    #expect(try found == tiny.logits([tokens[0..<40]]).last)
  }

  @Test func twoCachesDoNotMeet() throws {
    let tiny = try TinyEngine(.v1)
    let tokens = TinyEngine.tokens(20)
    let (one, two) = (try tiny.makeCache(), try tiny.makeCache())
    _ = try tiny.engine.forward(tokens[0..<10], cache: one)
    _ = try tiny.engine.forward(tokens[10..<20], cache: two)
    let found = Array(try tiny.engine.forward(tokens[10..<20], cache: one))
    #expect(try found == tiny.logits([tokens[0..<20]]).last)
  }

  @Test func interruptKeepsFinishedBatches() throws {
    let tiny = try TinyEngine(.v1)
    var config = tiny.engine.model.config
    config.contextLength = 768
    let cache = try KVCache(config: config, capacity: 768)
    let interrupt = InterruptFlag()
    let tokens = TinyEngine.tokens(600)
    var read: [Int] = []
    #expect(throws: Interrupted.self) {
      try tiny.engine.forward(tokens, cache: cache, interrupt: interrupt) { done in
        read.append(done)
        if done == 512 { interrupt.raise() }
      }
    }
    // Layers count too: there are two.
    #expect(read == [128, 256, 384, 512])
    #expect(cache.tokens == Array(tokens[0..<512]))
    // Going on gives what an undisturbed pass gives.
    interrupt.clear()
    let resumed = Array(try tiny.engine.forward(tokens[512...], cache: cache))
    let undisturbed = try KVCache(config: config, capacity: 768)
    #expect(resumed == Array(try tiny.engine.forward(tokens, cache: undisturbed)))
  }

  /// Bytes written over weights, the size as it was.
  @Test func aModelFileThatChangesIsNoticed() throws {
    let tiny = try TinyEngine(.v1)
    let cache = try tiny.makeCache()
    _ = try tiny.engine.forward([1, 2], cache: cache)
    let path = tiny.directory.file("tiny.bin")
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: 4096)
    try file.write(contentsOf: [UInt8](repeating: 1, count: 64))
    try file.close()
    let error = #expect(throws: ModelFileError.self) {
      try tiny.engine.forward([3], cache: cache)
    }
    #expect(error?.place == path)
    #expect(error?.reason.contains("was changed while in use") == true)
    #expect(error?.kind == .damagedFile)
  }

  @Test func scratchMemoryThatIsNotThereIsRefused() throws {
    var config = TinyModel.config
    let error = #expect(throws: InferenceError.self) {
      _ = try Workspace(config: config, available: 100_000)
    }
    #expect(error?.reason.contains("to compute in; 100 kB free") == true, "\(error?.reason ?? "")")
    #expect(error?.kind == .doesNotFit)
    config.hiddenDim = 1 << 20
    config.dim = 1 << 16
    // Nothing is taken on the word of a header.
    #expect(throws: InferenceError.self) { _ = try Workspace(config: config, available: 1 << 30) }
    // What is free by count may not be there to reserve.
    config.hiddenDim = 1 << 40
    #expect(throws: InferenceError.self) { _ = try Workspace(config: config, available: .max) }
  }

  @Test func scoresThatAreNotThereAreRefused() throws {
    let workspace = try Workspace(config: TinyModel.config)
    try workspace.scores(1000)[999] = 1
    #expect(throws: InferenceError.self) { _ = try workspace.scores(1 << 50) }
    try workspace.scores(2000)[1999] = 1
  }

  @Test func refusesWhatDoesNotFit() throws {
    let tiny = try TinyEngine(.v1)
    let cache = try tiny.makeCache()
    _ = try tiny.engine.forward(TinyEngine.tokens(120), cache: cache)
    #expect(throws: InferenceError.contextFull(needed: 129, capacity: 128)) {
      try tiny.engine.forward(TinyEngine.tokens(9), cache: cache)
    }
    #expect(cache.count == 120)
    for id: TokenID in [-1, 512, .max] {
      #expect(throws: InferenceError.unknownToken(id: id, vocabSize: 512)) {
        try tiny.engine.forward([1, id], cache: cache)
      }
    }
    for threads in [0, -1, Engine.maximumThreads + 1] {
      #expect(
        throws: InferenceError.threadsOutOfRange(found: threads, maximum: Engine.maximumThreads)
      ) { try tiny.engine.resize(threads: threads) }
    }
    #expect(tiny.engine.threads == 1)
    #expect(throws: InferenceError.self) { try TinyEngine(.v1, instructionSet: "sse9") }
  }

  @Test(arguments: [0, -1, 1 << 40, Int.max])
  func cacheThatDoesNotFitIsRefused(_ capacity: Int) {
    #expect(throws: InferenceError.self) {
      try KVCache(config: TinyModel.config, capacity: capacity)
    }
  }

  @Test func countsTheBytesOfAToken() throws {
    let fp32 = try TinyEngine(.v1).engine.model
    let matrices = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 192) + 512 * 64
    #expect(fp32.bytesPerToken == 4 * (matrices + 5 * 64))
    let int8 = try TinyEngine(.v2(groupSize: 64)).engine.model
    #expect(int8.bytesPerToken == matrices + matrices / 64 * 4 + 4 * 5 * 64)
  }
}

extension CheckpointFormat {
  fileprivate var isQuantized: Bool {
    if case .v2 = self { true } else { false }
  }
}
