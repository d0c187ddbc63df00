/// The K types: 256 values in sub-blocks whose scales are themselves quantised.
///
/// Layouts: `ggml-common.h` (`block_q4_K`, `block_q5_K`, `block_q6_K`).
extension ElementType {
  /// Q4_K: half scale and half minimum of the scales, 12 bytes of 6-bit scales and minimums,
  /// 128 bytes of nibbles.
  ///
  /// Nibbles come in four runs of 32 bytes: low nibbles are one sub-block of 32, high ones the next.
  func dequantizeQ4K(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      let minimum = block.half(at: 2)
      for subBlock in 0..<8 {
        let (factor, offset) = sixBitPair(block + 4, index: subBlock)
        let d = scale * factor
        let m = minimum * offset
        let nibbles = block + 16 + subBlock / 2 * 32
        let shift = UInt8(subBlock % 2 * 4)
        let target = values + subBlock * 32
        for i in 0..<32 {
          target[i] = d * Float(Int32(nibbles.byte(at: i) &>> shift & 15)) - m
        }
      }
    }
  }

  /// Q5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles; bit `s` belongs to sub-block `s`.
  func dequantizeQ5K(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 0)
      let minimum = block.half(at: 2)
      let high = block + 16
      for subBlock in 0..<8 {
        let (factor, offset) = sixBitPair(block + 4, index: subBlock)
        let d = scale * factor
        let m = minimum * offset
        let nibbles = block + 48 + subBlock / 2 * 32
        let shift = UInt8(subBlock % 2 * 4)
        let bit = UInt8(subBlock)
        let target = values + subBlock * 32
        for i in 0..<32 {
          let q = (nibbles.byte(at: i) &>> shift & 15) | (high.byte(at: i) &>> bit & 1) << 4
          target[i] = d * Float(Int32(q)) - m
        }
      }
    }
  }

  /// Q6_K: 128 bytes of nibbles, 64 bytes of upper bit pairs, 16 signed scales, half scale.
  ///
  /// Each half of the block holds four runs of 32 values: low nibbles of 64 bytes, then their high
  /// nibbles; run `r` takes bit pair `r` of the half's 32 upper bytes. Values less 32; one scale for 16.
  func dequantizeQ6K(
    _ blocks: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>
  ) {
    forEachBlock(of: blocks, into: values) { block, values in
      let scale = block.half(at: 208)
      for run in 0..<8 {
        let half = run / 4
        let low = block + half * 64 + run % 2 * 32
        let lowShift = UInt8(run % 4 / 2 * 4)
        let high = block + 128 + half * 32
        let highShift = UInt8(run % 4 * 2)
        for part in 0..<2 {
          let factor = Int8(bitPattern: block.byte(at: 192 + run * 2 + part))
          let d = scale * Float(factor)
          let target = values + run * 32
          for i in part * 16..<part * 16 + 16 {
            let q =
              (low.byte(at: i) &>> lowShift & 15) | (high.byte(at: i) &>> highShift & 3) << 4
            target[i] = d * Float(Int32(q) &- 32)
          }
        }
      }
    }
  }
}

/// The 6-bit scale and minimum of a sub-block, out of Q4_K's and Q5_K's 12 packed bytes.
///
/// Sub-blocks 0…3 have theirs in the low six bits of bytes 0…3 and 4…7; those of 4…7 are nibbles of
/// bytes 8…11 topped by the two bits left over there.
@inline(__always)
private func sixBitPair(_ packed: UnsafeRawPointer, index: Int) -> (Float, Float) {
  let i = index % 4
  let scale = packed.byte(at: i)
  let minimum = packed.byte(at: 4 + i)
  guard index >= 4 else { return (Float(scale & 63), Float(minimum & 63)) }
  let nibbles = packed.byte(at: 8 + i)
  return (
    Float(nibbles & 15 | (scale & 0xc0) >> 2),
    Float(nibbles >> 4 | (minimum & 0xc0) >> 2)
  )
}
