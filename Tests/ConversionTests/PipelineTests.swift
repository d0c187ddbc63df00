import Synchronization
import Testing

@testable import Conversion

/// Threads that fill slots, and one that empties them in order.
@Suite struct PipelineTests {
  private final class Slot { var value = 0 }
  private struct Failed: Error, Equatable { var piece: Int }

  private func pipeline(_ pieces: Int, slots: Int) -> OrderedPipeline<Slot> {
    OrderedPipeline(pieces: pieces, slots: (0..<slots).map { _ in Slot() })
  }

  @Test(arguments: [1, 3, 8], [1, 2, 9])
  func handsOverInOrder(threads: Int, slots: Int) throws {
    var found: [Int] = []
    try pipeline(200, slots: slots).run(threads: threads) { piece, slot in
      slot.value = piece * piece
    } consume: { piece, slot in
      #expect(slot.value == piece * piece)
      found.append(piece)
    }
    #expect(found == Array(0..<200))
  }

  @Test func theFirstErrorInOrderIsThrown() {
    var consumed = 0
    let error = #expect(throws: Failed.self) {
      try pipeline(100, slots: 8).run(threads: 4) { piece, _ in
        if piece >= 10 { throw Failed(piece: piece) }
      } consume: { _, _ in
        consumed += 1
      }
    }
    #expect(error == Failed(piece: 10) && consumed == 10)
  }

  @Test func aConsumerThatStopsStopsAll() {
    let produced = Mutex(0)
    #expect(throws: Failed.self) {
      try pipeline(10_000, slots: 4).run(threads: 3) { _, _ in
        produced.withLock { $0 += 1 }
      } consume: { piece, _ in
        if piece == 5 { throw Failed(piece: piece) }
      }
    }
    #expect(produced.withLock { $0 } < 20)
  }

  @Test func nothingToDoIsDone() throws {
    try pipeline(0, slots: 2).run(threads: 2) { _, _ in
    } consume: { _, _ in
    }
  }
}
