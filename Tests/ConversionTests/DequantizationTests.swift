import TestSupport
import Testing

@testable import Conversion

@Suite struct DequantizationTests {
  @Test(arguments: RecordedBlock.all)
  func matchesRecordedValues(block: RecordedBlock) {
    let stored = bytes(hex: block.stored)
    #expect(stored.count == block.type.blockBytes)
    let values = dequantize(stored, block.type)
    #expect(values.flatMap { le($0.bitPattern) } == bytes(hex: block.values))
  }

  @Test(arguments: RecordedBlock.all)
  func readsBlocksAtAnyAlignment(block: RecordedBlock) {
    let stored = bytes(hex: block.stored)
    let pair = dequantize(stored + stored, block.type)
    #expect(Array(pair.prefix(block.type.blockSize)) == Array(pair.suffix(block.type.blockSize)))
    let shifted = ([0] + stored).withUnsafeBytes { raw in
      dequantize(UnsafeRawBufferPointer(rebasing: raw[1...]), block.type)
    }
    #expect(shifted == dequantize(stored, block.type))
  }

  @Test func halvesOfSpecialValues() {
    let expected: [(UInt16, Float)] = [
      (0x0000, 0), (0x3c00, 1), (0xc000, -2), (0x7bff, 65504), (0x0400, 0x1p-14),
      (0x0001, 0x1p-24), (0x83ff, -0x3.ffp-16), (0x7c00, .infinity), (0xfc00, -.infinity),
    ]
    for (bits, value) in expected {
      #expect(dequantize(le(bits), .f16) == [value])
    }
    #expect(dequantize(le(UInt16(0x8000)), .f16)[0].bitPattern == 0x8000_0000)
    #expect(dequantize(le(UInt16(0x7e00)), .f16)[0].isNaN)
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func everyHalfIsExact() {
      let all = (UInt16.min...UInt16.max)
      let values = dequantize(all.flatMap { le($0) }, .f16)
      let wrong = zip(all, values).filter { bits, value in
        let expected = Float(Float16(bitPattern: bits))
        return value.isNaN ? !expected.isNaN : value.bitPattern != expected.bitPattern
      }
      #expect(wrong.isEmpty)
    }
  #endif

  @Test func bfloatIsTheUpperHalfOfAFloat() {
    let halves: [UInt16] = [0x3f80, 0xc049, 0x0001, 0x7f80]
    let values = dequantize(halves.flatMap { le($0) }, .bf16)
    #expect(values.map(\.bitPattern) == [0x3f80_0000, 0xc049_0000, 0x0001_0000, 0x7f80_0000])
  }

  @Test func floatsPassUnchanged() {
    let floats: [Float] = [1.5, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
    let values = dequantize(floats.flatMap { le($0.bitPattern) }, .f32)
    #expect(values.map(\.bitPattern) == floats.map(\.bitPattern))
  }

  private func dequantize(_ stored: [UInt8], _ type: ElementType) -> [Float] {
    stored.withUnsafeBytes { dequantize($0, type) }
  }

  private func dequantize(_ stored: UnsafeRawBufferPointer, _ type: ElementType) -> [Float] {
    var values = [Float](repeating: .nan, count: stored.count / type.blockBytes * type.blockSize)
    values.withUnsafeMutableBufferPointer { type.dequantize(stored, into: $0) }
    return values
  }

  private func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }
}
