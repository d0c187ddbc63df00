/// What opens and closes a block of code: three or more backticks or tildes.
struct CodeFence: Hashable, Sendable {
  /// A backtick or a tilde.
  var character: Unicode.Scalar
  /// How many; as many close the block.
  var length: Int

  /// Fewer are something else.
  static let leastLength = 3
}

/// Blocks of code in a text, as Markdown fences them.
enum CodeBlocks {
  /// The lines between each pair of fences, without the indentation of the first; the end of the text closes
  /// the last.
  static func found(in text: String) -> [String] {
    var stream = MarkdownStream()
    let runs = stream.append(text) + stream.finish()
    var blocks: [String] = []
    var open: (indentation: Int, code: String)?
    /// Characters of the line so far.
    var column = 0
    for (index, run) in runs.enumerated() {
      if run.style == .codeBlock { open?.code += run.text }
      if run.style == .fence {
        if let block = open {
          blocks.append(Self.code(block.code, indentedBy: block.indentation, isClosed: true))
          open = nil
        } else if runs[(index + 1)...].first?.text.unicodeScalars.first ?? "\n" == "\n" {
          open = (column, "")
        }
      }
      let lastLine = run.text.unicodeScalars.reversed().prefix { $0 != "\n" }.count
      column = lastLine < run.text.unicodeScalars.count ? lastLine : column + lastLine
    }
    if let block = open {
      blocks.append(Self.code(block.code, indentedBy: block.indentation, isClosed: false))
    }
    return blocks
  }

  private static func code(_ text: String, indentedBy spaces: Int, isClosed: Bool) -> String {
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    // The fence that closes a block has a line of its own, which may begin with spaces.
    if isClosed { lines.removeLast() }
    return lines.map { line in
      var left = spaces
      return String(
        line.drop { scalar in
          left -= 1
          return left >= 0 && scalar == " "
        })
    }.joined(separator: "\n")
  }
}
