/// `q80`, the int8 format of v2 files: groups of values that share one fp32 scale.
///
/// `scale = max|w| / 127`, `q = w / scale` rounded half to even: bit for bit what llama2.c's export.py
/// computes in fp32. A group whose scale is 0 has all `q` 0 (export.py divides 0 by 0 there).
package enum GroupQuantization {
  /// Quantises whole groups of finite values (see ``UnsafeBufferPointer/firstNonFinite``).
  static func quantize(
    _ values: UnsafeBufferPointer<Float>, groupSize: Int
  ) -> (values: [Int8], scales: [Float]) {
    let groups = values.count / groupSize
    var scales = [Float](repeating: 0, count: groups)
    let quantized = [Int8](unsafeUninitializedCapacity: groups * groupSize) { buffer, count in
      scales.withUnsafeMutableBufferPointer { scales in
        quantize(values, groupSize: groupSize, into: buffer, scales: scales)
      }
      count = groups * groupSize
    }
    return (quantized, scales)
  }

  /// Quantises whole groups of finite values into memory that is there already; on any thread.
  ///
  /// - Parameters:
  ///   - values: A multiple of `groupSize`.
  ///   - quantized: Room for as many values.
  ///   - scales: Room for a scale of each group.
  package static func quantize(
    _ values: UnsafeBufferPointer<Float>, groupSize: Int,
    into quantized: UnsafeMutableBufferPointer<Int8>, scales: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = values.baseAddress, let output = quantized.baseAddress else { return }
    let groups = min(values.count, quantized.count) / groupSize
    for group in 0..<min(groups, scales.count) {
      let first = group * groupSize
      scales[group] = quantizeGroup(base + first, count: groupSize, into: output + first)
    }
  }

  private static func quantizeGroup(
    _ values: UnsafePointer<Float>, count: Int, into quantized: UnsafeMutablePointer<Int8>
  ) -> Float {
    var largest: Float = 0
    for index in 0..<count { largest = max(largest, values[index].magnitude) }
    let scale = largest / 127
    guard scale > 0 else {
      quantized.initialize(repeating: 0, count: count)
      return 0
    }
    for index in 0..<count {
      // Only a subnormal scale is so coarse that the quotient leaves ±127.
      let quotient = min(max(values[index] / scale, -127), 127)
      quantized[index] = Int8(truncatingIfNeeded: (quotient + roundingOffset).bitPattern)
    }
    return scale
  }

  /// Adding 1.5 · 2²³ rounds half to even, because the unit of a float this large is 1.
  ///
  /// The integer is then the low bits of the significand, in two's complement. Much faster than
  /// `rounded()` on x86-64's baseline, and the compiler can vectorise it.
  private static let roundingOffset: Float = 12_582_912
}

extension UnsafeBufferPointer where Element == Float {
  /// Index of the first NaN or infinity.
  package var firstNonFinite: Int? {
    // As an integer, the magnitude of every finite value is below that of infinity.
    let infinity = Int32(bitPattern: Float.infinity.bitPattern)
    var largest: Int32 = 0
    for value in self {
      largest = Swift.max(largest, Int32(bitPattern: value.magnitude.bitPattern))
    }
    guard largest >= infinity else { return nil }
    return firstIndex { !$0.isFinite }
  }
}
