import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct ChatTemplateTests {
  private static func template(_ kind: TemplateKind, addsBOS: Bool = false) throws -> ChatTemplate {
    var metadata = ModelMetadata()
    metadata.addsBOS = addsBOS
    return try ChatTemplate(kind: kind, tokenizer: PairTokenizer(), metadata: metadata)
  }

  @Test func llama2FramesEveryTurnByBOSAndEOS() throws {
    let template = try Self.template(.llama2)
    let parts = template.layOut(
      system: "Be brief.", turns: [Turn(question: " Hello ", answer: " Hi\n")],
      pending: "Bye\u{3000}")
    #expect(
      parts == [
        .control(1), .text("[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hello [/INST] Hi "),
        .control(2), .control(1), .text("[INST] Bye [/INST]"),
      ])
  }

  @Test func llama2TellsAnEmptySystemPromptFromNone() throws {
    let template = try Self.template(.llama2)
    #expect(
      template.layOut(system: "", turns: [], pending: "Hi")
        == [.control(1), .text("[INST] <<SYS>>\n\n<</SYS>>\n\nHi [/INST]")])
    #expect(
      template.layOut(system: nil, turns: [], pending: "Hi")
        == [.control(1), .text("[INST] Hi [/INST]")])
  }

  @Test func chatMLFramesMessagesByMarkers() throws {
    let template = try Self.template(.chatML)
    let parts = template.layOut(
      system: "S", turns: [Turn(question: "Q", answer: " A ")], pending: "P")
    #expect(
      parts == [
        .control(1), .text("system\nS"), .control(2), .text("\n"),
        .control(1), .text("user\nQ"), .control(2), .text("\n"),
        .control(1), .text("assistant\n A "), .control(2), .text("\n"),
        .control(1), .text("user\nP"), .control(2), .text("\n"),
        .control(1), .text("assistant\n"),
      ])
    #expect(template.stopTokens == [0, 2])
  }

  @Test func chatMLHasADefaultSystemPrompt() throws {
    let template = try Self.template(.chatML)
    let absent = template.layOut(system: nil, turns: [], pending: "Hi")
    #expect(absent[1] == .text("system\n" + ModelMetadata.defaultSystem))
    let empty = template.layOut(system: "", turns: [], pending: "Hi")
    #expect(empty[1] == .text("system\n"))
  }

  @Test func otherChatMLModelsHaveNone() throws {
    var metadata = ModelMetadata()
    metadata.addsBOS = false
    metadata.hasDefaultSystem = false
    let template = try ChatTemplate(
      kind: .chatML, tokenizer: PairTokenizer(), metadata: metadata)
    #expect(template.defaultSystem == nil && template.systemLength(nil) == 0)
    let question: [ChatTemplate.Part] = [
      .control(1), .text("user\nHi"), .control(2), .text("\n"), .control(1), .text("assistant\n"),
    ]
    #expect(template.layOut(system: nil, turns: [], pending: "Hi") == question)
    #expect(
      template.layOut(system: "S", turns: [], pending: "Hi")
        == [.control(1), .text("system\nS"), .control(2), .text("\n")] + question)
  }

  @Test func textNeverYieldsAControlToken() throws {
    let template = try Self.template(.chatML)
    let ids = template.encode(system: "", turns: [], pending: "A<|im_end|>B<|im_start|>")
    #expect(ids.filter { $0 == 1 }.count == 3)
    #expect(ids.filter { $0 == 2 }.count == 2)
  }

  @Test func baseModelReadsRunningText() throws {
    let turns = [Turn(question: "Once upon", answer: " a time")]
    let text = "Intro\nOnce upon a time\nThen"
    for addsBOS in [true, false] {
      let template = try Self.template(.none, addsBOS: addsBOS)
      let opening: [ChatTemplate.Part] = addsBOS ? [.control(1)] : []
      #expect(
        template.layOut(system: "Intro", turns: turns, pending: "Then") == opening + [.text(text)])
      #expect(template.stopTokens == [1, 2])
    }
  }

  @Test(arguments: TemplateKind.allCases)
  func longerChatBeginsWithTheShorterOne(_ kind: TemplateKind) throws {
    // PairTokenizer never pairs newlines, so this holds for running text too.
    let template = try Self.template(kind)
    let turns = (1...3).map { Turn(question: "Question \($0)?", answer: "Answer \($0).") }
    var shorter: [TokenID] = []
    for count in 1...3 {
      let longer = template.encode(system: "S", turns: Array(turns.prefix(count)))
      #expect(longer.count > shorter.count)
      #expect(longer.starts(with: shorter))
      shorter = longer
    }
  }

  @Test func chatMLNeedsItsMarkers() throws {
    var vocabulary = PairTokenizer().vocabulary
    vocabulary.kinds[2] = .normal
    let tokenizer = FixedVocabularyTokenizer(vocabulary: vocabulary)
    #expect(throws: ChatError.missingControlToken(name: "<|im_end|>", template: "chatml")) {
      try ChatTemplate(kind: .chatML, tokenizer: tokenizer, metadata: ModelMetadata())
    }
  }

  @Test(arguments: [
    ("[INST]", "[INST]"), ("a [/INST] b", "[/INST]"), ("<<SYS>>\nx", "<<SYS>>"),
    ("<</SYS>>\u{301}", "<</SYS>>"), ("[INST", nil), ("[inst]", nil), ("", nil),
  ])
  func findsControlTags(text: String, tag: String?) throws {
    #expect(try Self.template(.llama2).controlTag(in: text) == tag)
    #expect(try Self.template(.chatML).controlTag(in: text) == nil)
  }

  @Test func stripsWhatPythonStrips() {
    let spaces: [UInt32] =
      Array(0x09...0x0D) + Array(0x1C...0x20) + [0x85, 0xA0, 0x1680] + Array(0x2000...0x200A)
      + [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
    #expect(spaces.count == 29)
    for value in UInt32(0)...0x3001 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = String(Character(scalar))
      #expect(
        (text + "x" + text).strippedAsInPython.unicodeScalars.count
          == (spaces.contains(value) ? 1 : 3))
    }
    #expect("\r\n a\r\nb \u{FEFF}".strippedAsInPython == "a\r\nb \u{FEFF}")
  }
}

/// Only a vocabulary.
private struct FixedVocabularyTokenizer: Tokenizer {
  let vocabulary: Vocabulary
  func encode(_ text: some Collection<UInt8>) -> [TokenID] { [] }
  func bytes(of token: TokenID) -> [UInt8] { [] }
}

/// Ids recorded from Meta's tokenizer and from llama.cpp.
@Suite struct GoldenTemplateTests {
  struct Golden: Sendable, CustomTestStringConvertible {
    var name: String
    var system: String?
    var turns: [Turn] = []
    var pending: String
    var ids: [TokenID]
    var testDescription: String { name }
  }

  static let llama2: [Golden] = [
    Golden(name: "A", pending: "Hello", ids: ids("1 518 25580 29962 15043 518 29914 25580 29962")),
    Golden(
      name: "B", system: "You are helpful.", pending: "Hello",
      ids: ids(
        """
        1 518 25580 29962 3532 14816 29903 6778 13 3492 526 8444 29889 13 29966 829 14816 29903 \
        6778 13 13 10994 518 29914 25580 29962
        """)),
    Golden(
      name: "C", turns: [Turn(question: "Hello", answer: " Hi there! ")], pending: "Who are you?",
      ids: ids(
        """
        1 518 25580 29962 15043 518 29914 25580 29962 6324 727 29991 29871 2 1 518 25580 29962 \
        11644 526 366 29973 518 29914 25580 29962
        """)),
    Golden(
      name: "D", system: "Be brief.", turns: [Turn(question: " Hello ", answer: "Hi")],
      pending: "Bye",
      ids: ids(
        """
        1 518 25580 29962 3532 14816 29903 6778 13 3629 11473 29889 13 29966 829 14816 29903 6778 \
        13 13 15043 518 29914 25580 29962 6324 29871 2 1 518 25580 29962 2648 29872 518 29914 \
        25580 29962
        """)),
  ]

  static func ids(_ text: String) -> [TokenID] {
    text.split(separator: " ").compactMap { TokenID($0) }
  }

  @Test(.enabled(if: TestData.isAvailable, "needs recorded data"), arguments: llama2)
  func llama2MatchesMeta(_ golden: Golden) throws {
    for file in ["llama2/tokenizer.model", "llama2/tokenizer.bin"] {
      let tokenizer = try Vocabulary(path: TestData.path(file)).makeTokenizer()
      let template = try ChatTemplate(
        kind: .llama2, tokenizer: tokenizer, metadata: ModelMetadata())
      #expect(
        template.encode(system: golden.system, turns: golden.turns, pending: golden.pending)
          == golden.ids)
      #expect(template.stopTokens == [2])
    }
  }

  @Test(.enabled(if: DemoModel.path != nil, "needs the demo model"))
  func chatMLMatchesSmolLM2() throws {
    let checkpoint = try Checkpoint(path: #require(DemoModel.path))
    let vocabulary = try Vocabulary.resolve(for: checkpoint, override: nil)
    let template = try ChatTemplate(
      kind: .chatML, tokenizer: vocabulary.makeTokenizer(), metadata: checkpoint.metadata)
    #expect(
      template.encode(system: nil, turns: [], pending: "Hello")
        == Self.ids(
          """
          1 9690 198 2683 359 253 5356 5646 11173 3365 3511 308 34519 28 7018 411 407 19712 8182 \
          2 198 1 4093 198 19556 2 198 1 520 9531 198
          """))
    #expect(
      template.tokenizer.encode("A<|im_end|>B") == Self.ids("49 44 108 306 79 486 108 46 50"))
    #expect(template.stopTokens == [0, 2])
  }
}
