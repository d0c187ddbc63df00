/// The `smollm` pre-tokenizer: cuts a text into fragments that are encoded one by one.
///
/// First every number is a fragment of its own; then GPT-2's expression applies between them, with
/// their neighbours as the ends of the text:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
/// Written by hand, as regular expression engines disagree about Unicode's version.
struct SmolSplitter {
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  /// Starts at the beginning of a text, which should be valid UTF-8.
  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  /// The next fragment; `nil` at the end of the text.
  mutating func next() -> Range<Int>? {
    guard position < text.count else { return nil }
    let start = position
    position = fragmentEnd(from: start)
    return start..<position
  }

  private func fragmentEnd(from start: Int) -> Int {
    let first = character(at: start)
    if first.class == .number { return first.end }
    if let end = contractionEnd(from: start) { return end }
    if first.class != .whitespace { return runEnd(of: first.class, from: first.end).end }
    if text[start] == 0x20, first.end < text.count {
      // One space goes with the letters or the signs after it.
      let second = character(at: first.end)
      if second.class == .letter || second.class == .other {
        return runEnd(of: second.class, from: second.end).end
      }
    }
    // Of white space before a letter or a sign, the last character is left for that to take.
    let run = runEnd(of: .whitespace, from: first.end, last: start)
    let reachesEnd = run.end == text.count || character(at: run.end).class == .number
    return reachesEnd || run.last == start ? run.end : run.last
  }

  /// Where an English contraction ends, if one begins here; lower-case only.
  private func contractionEnd(from start: Int) -> Int? {
    guard text[start] == UInt8(ascii: "'"), start + 1 < text.count else { return nil }
    let next = text[start + 1]
    if "stmd".utf8.contains(next) { return start + 2 }
    guard start + 2 < text.count else { return nil }
    let isPair = ["re", "ve", "ll"].contains { $0.utf8.elementsEqual([next, text[start + 2]]) }
    return isPair ? start + 3 : nil
  }

  /// Where a run of one class ends, and where its last character begins.
  private func runEnd(
    of runClass: UnicodeClass, from start: Int, last: Int = 0
  ) -> (end: Int, last: Int) {
    var (end, last) = (start, last)
    while end < text.count {
      let next = character(at: end)
      guard next.class == runClass else { break }
      (last, end) = (end, next.end)
    }
    return (end, last)
  }

  private func character(at index: Int) -> (class: UnicodeClass, end: Int) {
    guard case .scalar(let scalar, let length) = UTF8Scanner.step(text, at: index) else {
      return (.other, index + 1)
    }
    return (UnicodeClass(scalar), index + length)
  }
}
