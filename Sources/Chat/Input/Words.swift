/// Words of a command's argument, cut as a shell would: spaces part them, except inside quotes (`"…"`,
/// `'…'`) and after a backslash.
enum Words {
  /// All words of a text.
  ///
  /// - Throws: ``UnclosedQuote``.
  static func split(_ text: String) throws(UnclosedQuote) -> [String] {
    var words: [String] = []
    var rest = text[...]
    while let (word, after) = try first(of: rest) {
      words.append(word)
      rest = after
    }
    return words
  }

  /// The first word of a text and what follows it; `nil` when only spaces are left.
  ///
  /// - Throws: ``UnclosedQuote``.
  static func first(of text: Substring) throws(UnclosedQuote) -> (word: String, rest: Substring)? {
    let scalars = text.unicodeScalars.drop(while: isSpace)
    guard !scalars.isEmpty else { return nil }
    var word = String.UnicodeScalarView()
    var quote: Unicode.Scalar?
    var position = scalars.startIndex
    while position < scalars.endIndex, quote != nil || !isSpace(scalars[position]) {
      let scalar = scalars[position]
      position = scalars.index(after: position)
      if scalar == "\\", quote != "'", position < scalars.endIndex {
        word.append(scalars[position])
        position = scalars.index(after: position)
      } else if scalar == quote {
        quote = nil
      } else if quote == nil, scalar == "\"" || scalar == "'" {
        quote = scalar
      } else {
        word.append(scalar)
      }
    }
    if let quote { throw UnclosedQuote(quote: Character(quote)) }
    return (String(word), Substring(scalars[position...]))
  }

  /// A word as it must be typed to be read as itself.
  static func escaped(_ word: String) -> String {
    var text = String.UnicodeScalarView()
    for scalar in word.unicodeScalars {
      if isSpace(scalar) || scalar == "\\" || scalar == "\"" || scalar == "'" { text.append("\\") }
      text.append(scalar)
    }
    return String(text)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\n"
  }
}

/// A quote that is opened in an argument and never closed.
struct UnclosedQuote: Error, Hashable, CustomStringConvertible {
  let quote: Character

  var description: String { "a quote (\(quote)) is never closed; write \\\(quote) for itself" }
}
