import Testing

@testable import Inference

@Suite struct CrowdingTests {
  /// A made-up caller that does jobs of a millisecond back to back.
  private struct Caller {
    var crowding = Crowding()
    var time = ContinuousClock.now
    var processorTime = Duration.zero

    /// Does shared jobs until `crowding` prefers it alone; `nil` when that does not happen within a second.
    mutating func jobsUntilAlone(had share: Double, waited: Double = 0) -> Int? {
      for jobs in 0..<1000 {
        if crowding.isBetterAlone(at: time) { return jobs }
        let end = time + .milliseconds(1)
        processorTime += .milliseconds(1) * share
        let had = processorTime
        crowding.note(
          job: time..<end, wait: .milliseconds(1) * waited, processorTime: { had })
        time = end
      }
      return nil
    }

    /// How long it then works alone, in milliseconds.
    mutating func spell() -> Int {
      let start = time
      while crowding.isBetterAlone(at: time) { time += .milliseconds(1) }
      return Int(((time - start) / .milliseconds(1)).rounded())
    }
  }

  @Test func aProcessorOfItsOwnIsNoCrowd() {
    var caller = Caller()
    let (full, most) = (
      caller.jobsUntilAlone(had: 1), caller.jobsUntilAlone(had: 0.95, waited: 0.2)
    )
    #expect(full == nil)
    #expect(most == nil)
  }

  @Test func halfAProcessorIsAndEachTimeForLonger() {
    var caller = Caller()
    var spells: [Int] = []
    for _ in 0..<9 {
      let jobs = caller.jobsUntilAlone(had: 0.5)
      #expect(jobs != nil)
      spells.append(caller.spell())
    }
    #expect(spells == [20, 40, 80, 160, 320, 640, 1280, 2000, 2000])
    // A quiet time makes it forget.
    let quiet = caller.jobsUntilAlone(had: 1)
    #expect(quiet == nil)
    let crowded = caller.jobsUntilAlone(had: 0.5)
    #expect(crowded != nil)
    let spell = caller.spell()
    #expect(spell == 20)
  }

  @Test func waitingForWorkersMostOfTheTimeIs() {
    var caller = Caller()
    let jobs = caller.jobsUntilAlone(had: 1, waited: 0.7)
    #expect(jobs != nil)
  }

  @Test func timeBetweenRepliesDoesNotCount() {
    var caller = Caller()
    for _ in 0..<100 {
      _ = caller.crowding.isBetterAlone(at: caller.time)
      let end = caller.time + .milliseconds(1)
      caller.processorTime += .milliseconds(1)
      let had = caller.processorTime
      caller.crowding.note(job: caller.time..<end, wait: .zero, processorTime: { had })
      caller.time = end + .seconds(3)
    }
    let isAlone = caller.crowding.isBetterAlone(at: caller.time)
    #expect(!isAlone)
  }
}
