/// A line of the chat: its turns, and how many were left out before them.
///
/// Whatever replaces or takes away turns keeps the line they were in. A line that another begins with
/// holds nothing of its own and is not kept.
public struct Branch: Hashable, Sendable {
  /// The turns, oldest first.
  public let turns: [Turn]
  /// The older turns that were left out because the context was full.
  public let leftOutTurns: [Turn]
  /// Which chat it is of; see ``Conversation/chatNumber``.
  let chatNumber: Int
  /// How many those are.
  public var droppedTurns: Int { leftOutTurns.count }

  /// Whether `other` is this line, or goes on from it.
  func begins(_ other: Branch) -> Bool {
    turns.isEmpty || droppedTurns == other.droppedTurns && other.turns.starts(with: turns)
  }

  /// The number of the first turn in which it is not like `other`.
  public func firstDifference(from other: Branch) -> Int {
    guard droppedTurns == other.droppedTurns else { return droppedTurns + 1 }
    return droppedTurns + zip(turns, other.turns).prefix { $0 == $1 }.count + 1
  }
}

extension Conversation {
  /// As many lines are kept; one more, and the oldest is forgotten.
  public static let mostBranches = 50

  /// The present line.
  public var line: Branch {
    Branch(turns: turns, leftOutTurns: leftOutTurns, chatNumber: chatNumber)
  }

  /// Goes to a kept line; the present one is kept in its place.
  ///
  /// - Parameter number: 1 is the oldest of ``branches``.
  /// - Throws: ``ChatError/noBranch(asked:count:)``.
  public func switchBranch(to number: Int) throws {
    guard number >= 1, number <= branches.count else {
      throw ChatError.noBranch(asked: number, count: branches.count)
    }
    let left = line
    let entered = branches[number - 1]
    enter(entered)
    if branches.contains(where: left.begins) {
      branches.remove(at: number - 1)
    } else {
      branches[number - 1] = left
    }
  }

  /// Makes a line that was left the present one.
  func enter(_ line: Branch) {
    (turns, leftOutTurns, chatNumber) = (line.turns, line.leftOutTurns, line.chatNumber)
    cleared = nil
  }

  /// Keeps a line that has just been left, unless nothing of it was lost.
  func keep(_ left: Branch) {
    forgetBeginnings()
    guard !left.begins(line), !branches.contains(where: left.begins) else { return }
    branches.removeAll { $0.begins(left) }
    branches.append(left)
    branches.removeFirst(max(0, branches.count - Self.mostBranches))
  }

  /// Forgets the kept lines that the present one goes on from.
  func forgetBeginnings() {
    let line = line
    branches.removeAll { $0.begins(line) }
  }
}
