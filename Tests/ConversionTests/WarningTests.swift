import ModelFile
import TestSupport
import Testing

@testable import Conversion

@Suite struct WarningTests {
  @Test(
    arguments: [
      ("{{ '<|im_start|>' + role }}", .chatML),
      ("{{ '[INST] <<SYS>>\\n' }}", .llama2),
      ("{{ '[INST] ' }}", nil), ("{{ '<|user|>' }}", nil), ("", nil),
    ] as [(String, TemplateKind?)])
  func recognisesTemplates(jinja: String, expected: TemplateKind?) throws {
    #expect(TemplateKind(recognizing: jinja) == expected)
    let converter = try open { $0.set("tokenizer.chat_template", string: jinja) }
    #expect(converter.metadata.template == expected)
    #expect(
      converter.warnings(version: 1).contains { $0.contains("pass --template") }
        == (expected == nil))
  }

  /// ChatML is many models' format; SmolLM's default system prompt is told only to those whose template says it.
  @Test func theDefaultSystemPromptIsTheTemplates() throws {
    let bare = "{{ '<|im_start|>' + role }}"
    let smol = bare + "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    for (jinja, expected) in [(bare, false), (smol, true), ("{{ '[INST] <<SYS>>' }}", true)] {
      let converter = try open { $0.set("tokenizer.chat_template", string: jinja) }
      #expect(converter.metadata.hasDefaultSystem == expected)
    }
  }

  @Test func saysThatThereIsNoTemplate() throws {
    #expect(
      try open { _ in }.warnings(version: 2) == [
        "there is no chat template; pass --template to chat"
      ])
  }

  @Test func saysWhatRunqWouldGetWrong() throws {
    let converter = try open { $0.set("llama.rope.freq_base", float: 100_000) }
    let isTheta = { (warning: String) in warning.hasPrefix("RoPE theta is 100000,") }
    #expect(converter.warnings(version: 2).contains(where: isTheta))
    #expect(!converter.warnings(version: 1).contains(where: isTheta))
  }

  @Test func saysWhichKeysAreIgnored() throws {
    let warnings = try open { $0.set("llama.logit_scale", float: 2) }.warnings(version: 1)
    #expect(warnings.contains("metadata 'llama.logit_scale' is not known and was ignored"))
  }

  @Test func saysThatQuantizedWeightsAreRoundedAgain() throws {
    let converter = try open { builder in
      builder.set("llama.feed_forward_length", uint32: 32)
      builder.change("blk.0.ffn_gate.weight") { $0.dimensions[1] = 32 }
      builder.change("blk.0.ffn_up.weight") { $0.dimensions[1] = 32 }
      for name in ["blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"] {
        builder.change(name) { $0.data = [UInt8](repeating: 0, count: 32 * 8 * 4) }
      }
      builder.change("blk.0.ffn_down.weight") {
        $0.dimensions[0] = 32
        $0.type = ElementType.q80.rawValue
        $0.data = [UInt8](repeating: 0, count: 8 * 34)
      }
    }
    #expect(converter.warnings(version: 2).contains { $0.hasPrefix("the weights are Q8_0") })
  }

  @Test func saysWhichEndsAreLeftOut() throws {
    func open(_ ends: String) throws -> ModelConverter {
      let folder = try TemporaryDirectory()
      return try ModelConverter(
        path: TinySources().writeHuggingFace(in: folder, ["eos_token_id": ends]))
    }
    let isLeftOut = { (warning: String) in warning.hasPrefix("eos_token_id has ") }
    let three = try open("[2, 3, 4]")
    #expect(three.metadata.eos == 2 && three.metadata.endOfTurn == 3)
    #expect(
      three.warnings(version: 2).filter(isLeftOut) == [
        "eos_token_id has 3 tokens; only 2 and 3 will end a reply, not 4"
      ])
    #expect(try !open("[2, 3]").warnings(version: 2).contains(where: isLeftOut))
  }

  private func open(_ change: (inout GGUFBuilder) -> Void) throws -> ModelConverter {
    var builder = GGUFBuilder.tinyLlama()
    change(&builder)
    let folder = try TemporaryDirectory()
    return try ModelConverter(
      source: GGUFModel(path: try folder.write("model.gguf", builder.bytes())))
  }
}
