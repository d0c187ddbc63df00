/// A message between `"""` and `"""`, for terminals that do not mark pasted text.
enum MultilineQuote {
  private static let mark = "\"\"\""

  /// Whether `text` begins a quoted message without ending it.
  static func isOpen(_ text: String) -> Bool {
    text.hasPrefix(mark) && !text.dropFirst(mark.count).contains(mark)
  }
}
