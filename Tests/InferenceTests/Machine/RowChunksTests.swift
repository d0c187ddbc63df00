import Testing

@testable import Inference

@Suite struct RowChunksTests {
  /// Shapes of real models, and ones that divide by nothing.
  @Test(arguments: [1, 15, 16, 172, 288, 576, 768, 960, 2048, 4096, 11_008, 12_288, 32_000, 49_152])
  func everyRowIsInOneChunk(_ rows: Int) {
    for threads in [1, 2, 3, 4, 7, 16] {
      for multiple in [1, 4, 32, 48, 64] {
        let streams = RowChunks(streamOf: rows, threads: threads, multipleOf: multiple)
        let panels = RowChunks(
          panelsOf: rows, bytes: rows * 4352, threads: threads, multipleOf: multiple)
        for (chunks, unit) in [(streams, 16), (panels, 32)] {
          var end = 0
          for chunk in 0..<chunks.count {
            let range = chunks[chunk]
            #expect(range.lowerBound == end && !range.isEmpty)
            #expect(range.lowerBound % unit == 0 && range.lowerBound % multiple == 0)
            end = range.upperBound
          }
          #expect(end == rows, "\(threads) threads, multiples of \(multiple)")
        }
      }
    }
  }

  @Test func threadsOfEqualSpeedEndTogether() {
    // 576 rows in chunks of 96: three for each of two threads.
    let chunks = RowChunks(panelsOf: 576, bytes: 576 * 576, threads: 2, multipleOf: 1)
    #expect((0..<chunks.count).map { chunks[$0].count } == Array(repeating: 96, count: 6))
  }

  @Test func streamsBeginLongAndEndShort() {
    let chunks = RowChunks(streamOf: 4096, threads: 2, multipleOf: 1)
    let sizes = (0..<chunks.count).map { chunks[$0].count }
    #expect(sizes == [1232, 1232, 512, 512, 320, 288])
  }
}
