import Tokenization

/// The tokens that may be drawn with top-p, sorted only as far down as their mass reaches.
struct Nucleus: Sendable {
  /// A probability's bits, which order like the numbers, above the token's complement: descending, ties
  /// go by ascending token.
  private var candidates: [UInt64] = []
  private var count = 0
  /// The same, in buckets of nearly equal probability, the highest first.
  private var sorted: [UInt64] = []
  /// Where each bucket ends in ``sorted``.
  private var ends: [Int] = []
  /// The sum of the probabilities up to each candidate in ``sorted``.
  private var sums: [Float] = []
  /// The bits of the highest probability.
  private var highest: UInt32 = 0

  /// Takes those of `indices` whose weight / total is `cutoff` or more; no weight is negative.
  mutating func fill(
    _ indices: UnsafeBufferPointer<UInt32>, weights: UnsafeBufferPointer<Float>, total: Float,
    cutoff: Float
  ) {
    if candidates.count < indices.count {
      candidates = Array(repeating: 0, count: indices.count)
    }
    (count, highest) = candidates.withUnsafeMutableBufferPointer { candidates in
      var count = 0
      var highest: UInt32 = 0
      for index in indices {
        let probability = weights[Int(index)] / total
        let bits = probability.bitPattern
        candidates[count] = UInt64(bits) << 32 | UInt64(~index)
        if probability >= cutoff {
          highest = max(highest, bits)
          count += 1
        }
      }
      return (count, highest)
    }
  }

  /// Draws among the fewest candidates, most likely first, whose probabilities add up to more than
  /// `mass`; else among all.
  ///
  /// - Returns: `nil` when there are none.
  mutating func draw(_ coin: Float, mass: Float) -> TokenID? {
    guard count > 0 else { return nil }
    fillBuckets()
    let last = sortAndSum(until: mass)
    // The first sum above the target; sums never fall.
    let target = coin * sums[last]
    var (low, high) = (0, last)
    while low < high {
      let middle = (low + high) / 2
      if target < sums[middle] { high = middle } else { low = middle + 1 }
    }
    return TokenID(truncatingIfNeeded: ~sorted[low])
  }

  /// Sorts bucket by bucket until the sum is above `mass`; returns the last of them.
  private mutating func sortAndSum(until mass: Float) -> Int {
    var sum: Float = 0
    var count = 0
    return sorted.withUnsafeMutableBufferPointer { sorted in
      sums.withUnsafeMutableBufferPointer { sums in
        for end in ends where count < end {
          Self.sort(UnsafeMutableBufferPointer(rebasing: sorted[count..<end]))
          while count < end {
            sum += Float(bitPattern: UInt32(sorted[count] >> 32))
            sums[count] = sum
            if sum > mass { return count }
            count += 1
          }
        }
        return count - 1
      }
    }
  }

  /// Descending.
  private static func sort(_ bucket: UnsafeMutableBufferPointer<UInt64>) {
    guard bucket.count <= 32 else {
      var bucket = bucket
      return bucket.sort(by: >)
    }
    for index in bucket.indices.dropFirst() {
      let candidate = bucket[index]
      var hole = index
      while hole > 0, bucket[hole - 1] < candidate {
        bucket[hole] = bucket[hole - 1]
        hole -= 1
      }
      bucket[hole] = candidate
    }
  }

  /// A bucket is a 256th of a power of two wide; far below the highest there is one for all.
  private static let bucketShift: UInt32 = 23 - 8
  private static let bucketCount = 16 * 256

  private static func bucket(of candidate: UInt64, highest: UInt32) -> Int {
    min(Int((highest &- UInt32(candidate >> 32)) >> bucketShift), bucketCount - 1)
  }

  /// Counting sort by buckets.
  private mutating func fillBuckets() {
    if ends.isEmpty { ends = Array(repeating: 0, count: Self.bucketCount) }
    if sorted.count < count {
      sorted = Array(repeating: 0, count: candidates.count)
      sums = Array(repeating: 0, count: candidates.count)
    }
    let (count, highest) = (count, highest)
    candidates.withUnsafeBufferPointer { all in
      let candidates = all[..<count]
      sorted.withUnsafeMutableBufferPointer { sorted in
        ends.withUnsafeMutableBufferPointer { ends in
          ends.update(repeating: 0)
          for candidate in candidates { ends[Self.bucket(of: candidate, highest: highest)] += 1 }
          var start = 0
          for index in ends.indices { (start, ends[index]) = (start + ends[index], start) }
          for candidate in candidates {
            let index = Self.bucket(of: candidate, highest: highest)
            sorted[ends[index]] = candidate
            ends[index] += 1
          }
        }
      }
    }
  }
}
