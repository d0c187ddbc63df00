import ModelFile

extension CommandTable {
  /// The command that hands a reply to the clipboard.
  static let copying: [Command] = [
    Command(
      "copy", usage: "[N|code [K]]",
      summary: "to the clipboard; the last reply, turn N's, its code",
      example: ":copy code", group: .general, argument: .words(["code"]),
      run: { try $0.copy($1) })
  ]
}

extension Repl {
  /// `:copy [N|code [K]]`: a reply, or a block of code in the last one.
  func copy(_ text: String) throws {
    guard let numbers = conversation.turnNumbers, let last = conversation.turns.last else {
      throw ChatError.noTurn(asked: 1, turns: nil)
    }
    let words = text.split(separator: " ")
    let content: String
    if words.first == "code" {
      content = try codeBlock(words.dropFirst(), of: last.answer)
    } else {
      guard words.count < 2, let number = words.first.map({ Int($0) }) ?? numbers.upperBound else {
        throw CommandError("copy", "expected a turn, or code and a number, got \"\(text)\"")
      }
      content = conversation.turns[try conversation.index(ofTurn: number)].answer
    }
    guard let clipboard else {
      throw CommandError("copy", "needs a terminal's clipboard; :export FILE.md writes a file")
    }
    guard content.utf8.count <= Self.clipboardLimit else {
      throw CommandError(
        "copy",
        "\(SizeText.bytes(content.utf8.count)) are too many; terminals take at most "
          + SizeText.bytes(Self.clipboardLimit) + "; :export FILE.md writes a file")
    }
    clipboard(content)
    output.notice("sent \(SizeText.bytes(content.utf8.count)) to the terminal's clipboard")
  }

  /// What fits into the 100,000 bytes of a sequence that xterm takes, in base 64.
  static var clipboardLimit: Int { 74_994 }

  private func codeBlock(_ words: ArraySlice<Substring>, of reply: String) throws -> String {
    let blocks = CodeBlocks.found(in: reply)
    guard !blocks.isEmpty else { throw CommandError("copy", "the last reply has no block of code") }
    guard words.count < 2, let number = words.first.map({ Int($0) }) ?? blocks.count,
      let block = blocks.element(numbered: number)
    else {
      throw CommandError(
        "copy",
        "expected a block of code, 1…\(blocks.count), got \"\(words.joined(separator: " "))\"")
    }
    return block
  }
}
