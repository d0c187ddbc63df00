import Foundation
import Inference
import Testing
import Tokenization

@testable import Chat

/// What happens when a chat is interrupted and resized at any moment; meant for ThreadSanitizer.
@Suite struct RaceTests {
  /// Raises a flag from another thread, some time after.
  private func raise(_ flag: InterruptFlag, after microseconds: UInt32) -> Thread {
    let thread = Thread {
      usleep(microseconds)
      flag.raise()
    }
    thread.start()
    return thread
  }

  /// The chat is then as one of the same turns that nobody ever interrupted.
  @Test func interruptingAndResizingInALoop() throws {
    let most = min(4, Engine.maximumThreads)
    let tiny = TinyRepl(try TinyChat(threads: most, settings: [.temp: "0", .max: "30"]))
    let conversation = tiny.chat.conversation
    for round in 0..<40 {
      // From before the prompt is read to the middle of the reply.
      let thread = raise(tiny.interrupt, after: UInt32(round) * 150)
      try tiny.type("Round \(round)", ":threads \(1 + round % most)", ":undo")
      while !thread.isFinished { sched_yield() }
      tiny.interrupt.clear()
      #expect(conversation.engine.threads == 1 + round % most)
      #expect(tiny.output.problems.allSatisfy { $0.contains(":undo") }, "\(tiny.output.problems)")
    }
    try tiny.type("Hello")
    let fresh = try tiny.chat.fresh()
    for chat in [conversation, fresh] { try chat.say("And then?") }
    #expect(conversation.turns.last?.answer == fresh.turns.last?.answer)
  }

  /// Engines of one model at work at once, each with threads of its own.
  @Test func enginesShareAModel() throws {
    let chats = try (0..<3).map { _ in try TinyChat(threads: 2, settings: [.temp: "0"]) }
    nonisolated(unsafe) let conversations = chats.map(\.conversation)
    DispatchQueue.concurrentPerform(iterations: conversations.count) { index in
      for number in 0..<6 { _ = try? conversations[index].say("Question \(number)") }
    }
    #expect(conversations.allSatisfy { $0.turns.count == 6 })
    #expect(Set(conversations.map { $0.turns.map(\.answer) }).count == 1)
  }
}
