import Foundation
import TestSupport

@testable import Chat
@testable import Tokenization

extension Target {
  private static let tokenizers: [any Tokenizer] = [
    TinyVocabulary.sentencePiece(), TinyVocabulary.chatML(), smallVocabulary,
  ].compactMap { try? $0.makeTokenizer() }

  /// Text to tokens and back: nothing is lost where every byte has a token.
  static let encode = Target {
    let text = "Hello  w\u{F6}rld, it's 12\u{BD} \u{1F999}\n\t<s> <|im_end|> [INST] \u{2581}\u{0}x"
    return ["text": Array(text.utf8), "broken": [0xFF, 0xE2, 0x96, 0x20, 0xC0, 0x80, 0xED, 0xA0]]
  } run: { input in
    let repaired = UTF8Scanner.repaired(input)
    for (index, tokenizer) in tokenizers.enumerated() {
      let ids = tokenizer.encode(input)
      let count = tokenizer.vocabulary.count
      for id in ids {
        require(id >= 0 && Int(id) < count, "id \(id) of \(count)")
        require(tokenizer.vocabulary.kinds[Int(id)] != .control, "text became a control token")
      }
      let text = tokenizer.decode(ids, stripsLeadingSpace: tokenizer.vocabulary.addsSpacePrefix)
      switch index {
      case 0:
        let expected = String(decoding: repaired, as: UTF8.self)
          .unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }
        require(text.unicodeScalars.elementsEqual(expected), "SentencePiece: another text")
      case 1:
        // A byte that begins no character is kept by itself, and read as U+FFFD.
        require(
          text.utf8.elementsEqual(String(decoding: repaired, as: UTF8.self).utf8),
          "byte-level: another text")
      default: break
      }
      // Any ids at all are text, whatever they are split into.
      _ = tokenizer.decode(input.map { TokenID($0) &* 3 &- 1 }, stripsLeadingSpace: false)
    }
  }

  /// What a model or a file may put on the terminal.
  static let filter = Target {
    let text =
      "a\u{1B}[2J\u{9B}31m\u{1B}]0;x\u{7}\u{1B}P1$r\u{1B}\\\r\u{202E}\u{2066}\u{2028}\t\n\u{7F}"
    return ["escapes": Array(text.utf8), "bytes": Array(0...255)]
  } run: { input in
    let text = String(decoding: input, as: UTF8.self)
    let shown = TerminalText.visible(text)
    checkVisible(shown)
    require(TerminalText.visible(shown) == shown, "what is visible changes once more")
    let middle = text.unicodeScalars.index(
      text.unicodeScalars.startIndex, offsetBy: text.unicodeScalars.count / 2)
    let parts = [text.unicodeScalars[..<middle], text.unicodeScalars[middle...]]
    let apart = parts.map { TerminalText.visible(String($0)) }.joined()
    require(
      apart.unicodeScalars.elementsEqual(shown.unicodeScalars), "pieces differ from the whole")
    let quoted = TerminalText.quoted(input)
    checkVisible(quoted)
    require(!quoted.utf8.contains { $0 == 0x0A || $0 == 0x09 }, "quoted text leaves its line")
  }

  /// A prompt file: read, and made into messages.
  static let prompt = Target {
    let text = """
      ---
      title: Explain at a level
      system: You are a patient teacher.
      temp: 0.6
      topp: 0.9
      max: 100
      args: topic, level=ten-year-old
      ---
      Explain {{topic}} to a {{level}}. {{input}}
      %%
      Now give one everyday example.
      """
    let odd = "\u{FEFF}---\r\nsystem: &a >-\n  two\n  lines\n? temp\n: *a\n---\n{{{{ }} {{#if x}}"
    return ["plain": Array(text.utf8), "odd": Array(odd.utf8)]
  } run: { input in
    let text = try TextInput.decode(input, name: "x.md")
    let prompt = try PromptFile(name: "x", path: Scratch.folder + "/x.md", text: text)
    for warning in prompt.warnings { checkVisible(TerminalText.visible(warning.description)) }
    _ = try prompt.rendered([(name: "topic", value: "cats")], input: "dogs")
  }

  /// The configuration: never an error, warnings of one line.
  static let config = Target {
    let text = """
      temp: 0.6   # for all
      threads: auto
      history: no
      models:
        "llama2*": {ctx: 4096, kv: q8}
        ? "*"
        : topp: [1]
      """
    return ["all": Array(text.utf8), "aliases": Array("a: &x [1]\nb: *x\n? [*x, *x]\n: 1\n".utf8)]
  } run: { input in
    let text = try TextInput.decode(input, name: "config.yaml")
    let file = ConfigFile(text: text)
    for warning in file.warnings {
      require(warning.utf8.count <= 2048, "a warning of \(warning.utf8.count) bytes")
      checkVisible(TerminalText.visible(warning))
    }
    _ = file.values(forModels: ["llama2_7b.bin"])
  }

  /// What keys send, in any pieces.
  static let keys = Target {
    let text =
      "a\u{E9}\u{1F999}\u{1B}[A\u{1B}[1;5C\u{1B}OH\u{1B}b\u{1B}[200~pasted\r\n\u{1B}[3~\u{1B}[201~"
      + "\u{1B}[27;2;13~\u{1B}]0;x\u{7}\u{1B}[13;2u"
    return ["all": Array(text.utf8)]
  } run: { input in
    var whole = KeyDecoder()
    let keys = whole.decode(input)
    var apart = KeyDecoder()
    let same = input.flatMap { apart.decode([$0]) }
    require(keys == same, "pieces give other keys than the whole")
    for key in keys + whole.timeOut() {
      if case .paste(let text) = key { checkVisible(text) }
    }
  }
}
