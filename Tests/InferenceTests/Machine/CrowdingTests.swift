import Testing

@testable import Inference

@Suite struct CrowdingTests {
  /// A made-up caller that always has work, and notes it a millisecond at a time.
  private struct Caller {
    var crowding: Crowding
    var now = Crowding.Reading(time: .now, processorTime: .zero)

    init(threads: Int) { crowding = Crowding(threads: threads) }

    /// Works for a while with a share of a processor, waiting for workers for a part of the time.
    mutating func work(milliseconds: Int, had share: Double = 1, waited: Double = 0) {
      for _ in 0..<milliseconds {
        let start = now
        now.time += .milliseconds(1)
        now.processorTime += .milliseconds(1) * share
        if crowding.active > 1 { crowding.noteWait(.milliseconds(1) * waited) }
        crowding.note(from: start, to: now)
      }
    }

    /// How long the number of threads now stays as it is, in milliseconds; `nil` when that is over 5 s.
    mutating func timeUntilChange(had share: Double = 1) -> Int? {
      let before = crowding.active
      for milliseconds in 1...5000 {
        work(milliseconds: 1, had: share)
        if crowding.active != before { return milliseconds }
      }
      return nil
    }
  }

  @Test(arguments: [2, 3, 8])
  func processorsOfTheirOwnAreNoCrowd(threads: Int) {
    var caller = Caller(threads: threads)
    caller.work(milliseconds: 500)
    caller.work(milliseconds: 500, had: 0.95, waited: 0.05)
    #expect(caller.crowding.active == threads)
  }

  @Test func halfAProcessorIsOneAndTrialsGetRarer() {
    var caller = Caller(threads: 2)
    var spells: [Int?] = []
    for _ in 0..<9 {
      caller.work(milliseconds: 10, had: 0.5)
      #expect(caller.crowding.active == 1)
      spells.append(caller.timeUntilChange())
      #expect(caller.crowding.active == 2)
    }
    #expect(spells == [20, 40, 80, 160, 320, 640, 1280, 2000, 2000])
    // A quiet time makes it forget.
    caller.work(milliseconds: 500)
    caller.work(milliseconds: 10, had: 0.5)
    let spell = caller.timeUntilChange()
    #expect(spell == 20)
  }

  @Test func waitingForWorkersTooLongIsOne() {
    var two = Caller(threads: 2)
    two.work(milliseconds: 10, waited: 0.3)
    #expect(two.crowding.active == 2)
    two.work(milliseconds: 10, waited: 0.4)
    #expect(two.crowding.active == 1)
    // Eight threads lose more by waiting for one of them.
    var eight = Caller(threads: 8)
    eight.work(milliseconds: 10, waited: 0.3)
    #expect(eight.crowding.active == 7)
  }

  @Test func threadsComeBackOneByOne() {
    var caller = Caller(threads: 4)
    caller.work(milliseconds: 30, had: 0.5)
    #expect(caller.crowding.active == 1)
    caller.work(milliseconds: 200)
    #expect(caller.crowding.active == 4)
  }

  @Test func aloneThereIsNothingToGiveUp() {
    var caller = Caller(threads: 1)
    caller.work(milliseconds: 100, had: 0.3)
    #expect(caller.crowding.active == 1)
  }
}
