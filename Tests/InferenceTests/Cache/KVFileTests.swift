import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Inference

@Suite struct KVFileTests {
  private static let key = [UInt8](1...24)

  /// A file of 21 tokens, which end inside a block of keys.
  private func written(
    _ tiny: TinyEngine, _ type: KVType
  ) throws -> (path: String, cache: KVCache, bytes: [UInt8]) {
    let cache = try tiny.makeCache(type)
    _ = try tiny.engine.forward(TinyEngine.tokens(21), cache: cache)
    let path = tiny.directory.file("\(type).kv")
    try KVFile.write(cache, key: Self.key, to: path)
    return (path, cache, [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  @Test(arguments: KVType.allCases)
  func whatWasReadNeedNotBeReadAgain(type: KVType) throws {
    let tiny = try TinyEngine(.v1)
    let (path, cache, bytes) = try written(tiny, type)
    #expect(bytes.count == KVFile.byteCount(of: cache))
    let other = try tiny.makeCache(type)
    _ = try tiny.engine.forward(TinyEngine.tokens(40), cache: other)
    try KVFile.read(into: other, key: Self.key, from: path)
    #expect(other.tokens == cache.tokens)
    for token: TokenID in [3, 400, 77] {
      let expected = Array(try tiny.engine.forward([token], cache: cache))
      #expect(Array(try tiny.engine.forward([token], cache: other)) == expected)
    }
  }

  @Test func damageIsRefused() throws {
    let tiny = try TinyEngine(.v1)
    let (path, cache, bytes) = try written(tiny, .q8)
    func refusal(_ bytes: [UInt8]) throws -> String? {
      try tiny.directory.write("damaged.kv", bytes)
      do {
        try KVFile.read(into: cache, key: Self.key, from: tiny.directory.file("damaged.kv"))
        return nil
      } catch let error as ModelFileError { return error.reason }
    }
    let prefix = KVFile.prefixLength(tokens: 21)
    for count in Array(0..<prefix) + stride(from: prefix, to: bytes.count, by: 61) {
      #expect(try refusal(Array(bytes[..<count])) != nil, "\(count)")
    }
    for index in Array(0..<prefix) + stride(from: prefix, to: bytes.count, by: 61) {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        #expect(try refusal(damaged) != nil, "byte \(index), bit \(bit)")
      }
    }
    #expect(try refusal(bytes + [0])?.contains("; its header says ") == true)
    #expect(try refusal(bytes) == nil)
    #expect(cache.count == 21)
    try KVFile.read(into: cache, key: Self.key, from: path)
  }

  @Test func whatIsOfOthersLeavesTheCacheAsItWas() throws {
    let tiny = try TinyEngine(.v1)
    let (path, cache, _) = try written(tiny, .f16)
    func reason(_ cache: KVCache, key: [UInt8] = Self.key) -> String? {
      do {
        try KVFile.read(into: cache, key: key, from: path)
        return nil
      } catch { return (error as? ModelFileError)?.reason }
    }
    #expect(reason(cache, key: [UInt8](2...25)) == "keys and values are of another model")
    #expect(reason(try tiny.makeCache(.f32)) == "KV type is 1; this chat has 0")
    let config = tiny.engine.model.config
    let small = try KVCache(config: config, capacity: 20, type: .f16)
    #expect(reason(small) == "holds 21 tokens; the context has 20")
    var deeper = config
    deeper.layers = 3
    let other = try KVCache(config: deeper, capacity: 64, type: .f16)
    #expect(reason(other) == "layers is 2; this chat has 3")
    #expect(cache.count == 21)
  }

  @Test func anInterruptLeavesNothing() throws {
    let tiny = try TinyEngine(.v1)
    let cache = try tiny.makeCache()
    _ = try tiny.engine.forward(TinyEngine.tokens(5), cache: cache)
    let interrupt = InterruptFlag()
    interrupt.raise()
    #expect(throws: Interrupted.self) {
      try KVFile.write(
        cache, key: Self.key, to: tiny.directory.file("x.kv"), interrupt: interrupt)
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: tiny.directory.path)
    #expect(files == ["tiny.bin"])
  }
}
