import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import OpenCLDevice

/// A device's logits beside the processors'.
@Suite(.enabled(if: TestDevices.isAvailable, TestDevices.reason), .serialized)
struct LogitsTests {
  /// A prompt in pieces of all kinds, then one token after the other.
  private static func calls(_ tokens: [TokenID]) -> [ArraySlice<TokenID>] {
    [tokens[0..<37], tokens[37..<38], tokens[38..<41], tokens[41..<80]]
      + (80..<86).map { tokens[$0...$0] }
  }

  @Test(arguments: Shape.all)
  func areTheProcessors(_ shape: Shape) throws {
    let tiny = try TinyDevice(shape)
    let calls = Self.calls(tiny.tokens(86))
    let expected = try TinyDevice.logits(tiny.cpu, calls)
    let found = try TinyDevice.logits(tiny.gpu, calls)
    #expect(tiny.backend.buildLog == "")
    for (call, (found, expected)) in zip(calls, zip(found, expected)) {
      if try TestDevices.first().isExact {
        #expect(found == expected, "to position \(call.endIndex)")
      } else {
        #expect(relativeError(found, expected) < 1e-4, "to position \(call.endIndex)")
      }
    }
  }

  @Test(arguments: [Shape.all[1], Shape.all[2], Shape.all[6], Shape.all[9]])
  func doNotDependOnTheBatch(_ shape: Shape) throws {
    let tiny = try TinyDevice(shape)
    let tokens = tiny.tokens(70)
    let expected = try TinyDevice.logits(tiny.gpu, tokens.indices.map { tokens[$0...$0] })
    for size in [2, 33, 70] {
      let calls = stride(from: 0, to: tokens.count, by: size).map {
        tokens[$0..<min($0 + size, tokens.count)]
      }
      for (call, logits) in zip(calls, try TinyDevice.logits(tiny.gpu, calls)) {
        #expect(logits == expected[call.endIndex - 1], "calls of \(size), to \(call.endIndex)")
      }
    }
  }

  @Test(arguments: KVType.allCases, [Shape.all[2]])
  func areTheProcessorsForEachTypeOfCache(_ type: KVType, _ shape: Shape) throws {
    let tiny = try TinyDevice(shape)
    let calls = Self.calls(tiny.tokens(86))
    let expected = try TinyDevice.logits(tiny.cpu, calls, kv: type)
    let found = try TinyDevice.logits(tiny.gpu, calls, kv: type)
    #expect(tiny.backend.buildLog == "")
    for (found, expected) in zip(found, expected) {
      #expect(relativeError(found, expected) < (try TestDevices.first().isExact ? 1e-9 : 1e-4))
    }
  }

  /// Four lanes as floats, one as halves: so each is loaded once, in as few programs as can be.
  @Test(arguments: [(DeviceMath.f32, 4), (.f16, 1)])
  func doNotDependOnLanesAWorkItem(_ math: DeviceMath, _ width: Int) throws {
    let tiny = try TinyDevice(Shape.all[1], math: math, width: width)
    let calls = Self.calls(tiny.tokens(86))
    let expected = try TinyDevice.logits(TinyDevice(Shape.all[1], math: math).gpu, calls)
    #expect(try TinyDevice.logits(tiny.gpu, calls) == expected)
    #expect(tiny.backend.buildLog == "")
  }

  /// The dot product of four pairs, where a device has no instruction for it.
  @Test func dotProductInstructionsCountTheSame() throws {
    #expect(try isSame(withDotProductsTimes: 1, Self.calls((0..<86).map { TokenID($0) })))
  }

  /// A wrong one is seen, so it was used.
  @Test func dotProductInstructionsAreUsed() throws {
    #expect(try !isSame(withDotProductsTimes: 2, [[5]]))
  }

  private func isSame(
    withDotProductsTimes factor: Int, _ calls: [ArraySlice<TokenID>]
  ) throws -> Bool {
    let instruction = """
      #ifndef cl_khr_integer_dot_product
      #define cl_khr_integer_dot_product 1
      #define __opencl_c_integer_dot_product_input_4x8bit_packed 1
      int dot_4x8packed_ss_int(uint a, uint b) {
        int4 products = convert_int4(as_char4(a)) * convert_int4(as_char4(b));
        return (products.x + products.y + products.z + products.w) * \(factor);
      }
      #endif

      """
    let tiny = try TinyDevice(Shape.all[4], prelude: instruction)
    let found = try TinyDevice.logits(tiny.gpu, calls)
    return zip(found, try TinyDevice.logits(tiny.cpu, calls)).allSatisfy {
      relativeError($0, $1) < 1e-4
    }
  }

  /// Devices without doubles take the exponential of their own library.
  @Test func withoutDoublesTheyAreNear() throws {
    let tiny = try TinyDevice(Shape.all[0], usesDouble: false)
    #expect(tiny.backend.arithmetic != 0)
    // One token after the other: the exponential is the same in batches.
    let calls = tiny.tokens(20).map { [$0][...] }
    let expected = try TinyDevice.logits(tiny.cpu, calls)
    for (found, expected) in zip(try TinyDevice.logits(tiny.gpu, calls), expected) {
      #expect(relativeError(found, expected) < 1e-4)
    }
  }

  @Test func goingBackLeavesNoTrace() throws {
    let tiny = try TinyDevice(Shape.all[4])
    let tokens = tiny.tokens(60)
    let cache = try tiny.gpu.makeCache(capacity: 128)
    _ = try tiny.gpu.forward(tokens[0..<20], cache: cache)
    _ = try tiny.gpu.forward(tokens[40..<60], cache: cache)
    cache.truncate(to: 20)
    let found = Array(try tiny.gpu.forward(tokens[20..<40], cache: cache))
    #expect(try found == TinyDevice.logits(tiny.gpu, [tokens[0..<40]]).last)
  }

  @Test func interruptKeepsFinishedBatches() throws {
    let tiny = try TinyDevice(
      Shape("long", .v1) {
        $0.contextLength = 400
        $0.layers = 4
      })
    let cache = try tiny.gpu.makeCache(capacity: 400)
    let interrupt = InterruptFlag()
    let tokens = tiny.tokens(300)
    var read: [Int] = []
    #expect(throws: Interrupted.self) {
      try tiny.gpu.forward(tokens, cache: cache, interrupt: interrupt) { done in
        read.append(done)
        // In the middle of the second batch.
        if done == 192 { interrupt.raise() }
      }
    }
    #expect(read == [32, 64, 96, 128, 160, 192])
    #expect(cache.tokens == Array(tokens[0..<128]))
    interrupt.clear()
    let resumed = Array(try tiny.gpu.forward(tokens[128...], cache: cache))
    let undisturbed = try tiny.gpu.makeCache(capacity: 400)
    #expect(resumed == Array(try tiny.gpu.forward(tokens, cache: undisturbed)))
  }

  /// What one kind of device has read, another need not read again, where their bits are the same.
  @Test(arguments: KVType.allCases)
  func filesOfKeysAndValuesAreShared(_ type: KVType) throws {
    let tiny = try TinyDevice(Shape.all[0])
    let directory = try TemporaryDirectory()
    let (key, tokens) = ([UInt8](1...24), tiny.tokens(40))
    let (here, there) = (
      try tiny.cpu.makeCache(capacity: 128, type: type),
      try tiny.gpu.makeCache(capacity: 128, type: type)
    )
    _ = try tiny.gpu.forward(tokens[0..<39], cache: there)
    try KVFile.write(there, key: key, to: directory.file("device.kv"))
    func read() throws { try KVFile.read(into: here, key: key, from: directory.file("device.kv")) }
    guard tiny.backend.arithmetic == 0 else {
      #expect(throws: ModelFileError.self) { try read() }
      return
    }
    try read()
    let expected = Array(try tiny.cpu.forward(tokens[39...], cache: here))
    #expect(Array(try tiny.gpu.forward(tokens[39...], cache: there)) == expected)

    here.truncate(to: 20)
    try KVFile.write(here, key: key, to: directory.file("host.kv"))
    try KVFile.read(into: there, key: key, from: directory.file("host.kv"))
    #expect(Array(try tiny.gpu.forward(tokens[20...], cache: there)) == expected)

    // A device with digits of its own keeps its files for itself, whatever their type.
    guard type == .f32 else { return }
    let other = try TinyDevice(Shape.all[0], usesDouble: false)
    let foreign = try other.gpu.makeCache(capacity: 128, type: type)
    #expect(throws: ModelFileError.self) {
      try KVFile.read(into: foreign, key: key, from: directory.file("host.kv"))
    }
  }
}
