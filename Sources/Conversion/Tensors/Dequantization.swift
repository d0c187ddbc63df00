/// Stored values to fp32, bit for bit what gguf-py's `quants.dequantize` gives.
///
/// Every product and sum is one fp32 rounding, in gguf-py's order; nothing is fused.
extension ElementType {
  /// Expands whole blocks.
  ///
  /// - Parameters:
  ///   - blocks: `values.count / blockSize` blocks of `blockBytes` bytes; any alignment.
  ///   - values: Where the values go; a whole number of blocks.
  func dequantize(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    switch self {
    case .f32: dequantizeF32(blocks, into: values)
    case .f16: dequantizeF16(blocks, into: values)
    case .bf16: dequantizeBF16(blocks, into: values)
    case .q80: dequantizeQ80(blocks, into: values)
    case .q40: dequantizeQ40(blocks, into: values)
    case .q41: dequantizeQ41(blocks, into: values)
    case .q50: dequantizeQ50(blocks, into: values)
    case .q51: dequantizeQ51(blocks, into: values)
    case .q4K: dequantizeQ4K(blocks, into: values)
    case .q5K: dequantizeQ5K(blocks, into: values)
    case .q6K: dequantizeQ6K(blocks, into: values)
    }
  }

  /// Calls `body` with each block and the place of its values.
  @inline(__always)
  func forEachBlock(
    of blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>,
    _ body: (_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) -> Void
  ) {
    guard let source = blocks.baseAddress, let target = values.baseAddress else { return }
    for index in 0..<min(blocks.count / blockBytes, values.count / blockSize) {
      body(source + index * blockBytes, target + index * blockSize)
    }
  }

  private func dequantizeF32(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let bits = block.loadUnaligned(as: UInt32.self)
      values[0] = Float(bitPattern: UInt32(littleEndian: bits))
    }
  }

  private func dequantizeF16(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in values[0] = block.half(at: 0) }
  }

  private func dequantizeBF16(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    // bfloat16 is the upper half of a float.
    forEachBlock(of: blocks, into: values) { block, values in
      let bits = UInt16(littleEndian: block.loadUnaligned(as: UInt16.self))
      values[0] = Float(bitPattern: UInt32(bits) << 16)
    }
  }

  /// Q8_0: half scale, 32 signed bytes.
  private func dequantizeQ80(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      for i in 0..<32 {
        values[i] = Float(Int8(bitPattern: block.byte(at: 2 + i))) * scale
      }
    }
  }

  /// Q4_0: half scale, 16 bytes; low nibbles are values 0…15, high nibbles 16…31, all less 8.
  private func dequantizeQ40(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      for i in 0..<16 {
        let pair = Int32(block.byte(at: 2 + i))
        values[i] = scale * Float((pair & 15) &- 8)
        values[i + 16] = scale * Float((pair >> 4) &- 8)
      }
    }
  }

  /// Q4_1: half scale, half minimum, nibbles as in Q4_0.
  private func dequantizeQ41(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      let minimum = block.half(at: 2)
      for i in 0..<16 {
        let pair = Int32(block.byte(at: 4 + i))
        values[i] = scale * Float(pair & 15) + minimum
        values[i + 16] = scale * Float(pair >> 4) + minimum
      }
    }
  }

  /// Q5_0: half scale, 32 fifth bits, nibbles as in Q4_0; all less 16.
  private func dequantizeQ50(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      let high = block.word(at: 2)
      for i in 0..<16 {
        let (first, second) = fiveBits(block.byte(at: 6 + i), high: high, index: i)
        values[i] = scale * Float(first &- 16)
        values[i + 16] = scale * Float(second &- 16)
      }
    }
  }

  /// Q5_1: half scale, half minimum, 32 fifth bits, nibbles as in Q4_0.
  private func dequantizeQ51(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      let minimum = block.half(at: 2)
      let high = block.word(at: 4)
      for i in 0..<16 {
        let (first, second) = fiveBits(block.byte(at: 8 + i), high: high, index: i)
        values[i] = scale * Float(first) + minimum
        values[i + 16] = scale * Float(second) + minimum
      }
    }
  }
}

/// Values `index` and `index + 16` of a block: nibbles of `pair`, fifth bits from `high`.
@inline(__always)
private func fiveBits(_ pair: UInt8, high: UInt32, index: Int) -> (Int32, Int32) {
  let bits = Int32(bitPattern: high &>> UInt32(truncatingIfNeeded: index))
  let pair = Int32(pair)
  return ((pair & 15) | (bits & 1) << 4, (pair >> 4) | (bits >> 16 & 1) << 4)
}

extension UnsafeRawPointer {
  /// The byte at an offset.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }

  /// The little-endian 32-bit word at an offset.
  @inline(__always)
  func word(at offset: Int) -> UInt32 {
    UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The little-endian IEEE half at an offset, exactly, subnormals included.
  @inline(__always)
  func half(at offset: Int) -> Float {
    let bits = UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    // Integer arithmetic instead of Float16, which x86 macOS lacks and SSE2 converts by a call.
    // Moved into place, the exponent is 112 too small; the product corrects it and normalises.
    let magnitude = Float(bitPattern: UInt32(bits & 0x7fff) << 13) * 0x1p112
    // 65536 and above is what exponent 31 gives: infinity and NaN.
    let special: UInt32 = magnitude >= 65536 ? 0x7f80_0000 : 0
    return Float(bitPattern: magnitude.bitPattern | special | UInt32(bits & 0x8000) << 16)
  }
}
