import Foundation
import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// A change to a right directory, and what the error must say.
struct SourceDamage: CustomTestStringConvertible, Sendable {
  let name: String
  let expected: String
  let write: @Sendable (TinySources, TemporaryDirectory) throws -> String

  var testDescription: String { name }

  init(
    _ name: String, _ expected: String,
    _ write: @escaping @Sendable (TinySources, TemporaryDirectory) throws -> String
  ) {
    self.name = name
    self.expected = expected
    self.write = write
  }

  /// A safetensors file that is not as it should be.
  static func safetensors(
    _ name: String, _ expected: String,
    _ change: @escaping @Sendable (inout SafetensorsBuilder) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      let directory = try sources.makeHuggingFace(in: folder)
      var builder = sources.safetensors()
      change(&builder)
      try folder.write("Tiny/model.safetensors", builder.bytes())
      return directory
    }
  }

  /// A config.json that is not as it should be; `nil` removes a member.
  static func config(
    _ name: String, _ expected: String, _ changes: [String: String?]
  ) -> SourceDamage {
    SourceDamage(name, expected) { try $0.writeHuggingFace(in: $1, changes) }
  }

  /// Opens the source and checks that the error says what is expected, and is about a damaged file.
  func check() throws {
    let folder = try TemporaryDirectory()
    let path = try write(TinySources(), folder)
    let error = failure { try ModelConverter(path: path) }
    #expect(error?.description.contains(expected) == true, "found: \(error?.description ?? "none")")
    #expect(error?.place?.hasPrefix(folder.path) == true)
    #expect(error?.kind == .damagedFile)
  }
}

/// The error `body` throws, which must have a place and a kind.
func failure(_ body: () throws -> some Any) -> (any Failure)? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? any Failure
  }
}

@Suite struct MalformedSourceTests {
  static let norm = "model.norm.weight"

  static let safetensors: [SourceDamage] = [
    .safetensors("header length", "2 to 100000000 are accepted") { $0.headerLength = 1 << 40 },
    .safetensors("header past the end", "cut short: its header") { $0.headerLength = 90_000_000 },
    .safetensors("no object", "does not begin with '{'") { $0.header = " {}" },
    .safetensors("an array", "does not begin with '{'") { $0.header = "[1, 2]" },
    .safetensors("broken JSON", "JSON ends at byte") { $0.header = "{\"a\": {" },
    .safetensors("duplicate name", "occurs twice") { builder in
      builder.tensors.append(builder.tensors[0])
    },
    .safetensors("duplicate key", "\"dtype\" occurs twice") {
      $0.header = #"{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}"#
    },
    .safetensors("exponent", "must be up to 8 whole numbers") {
      $0.header = #"{"a":{"dtype":"F32","shape":[1e2],"data_offsets":[0,400]}}"#
    },
    .safetensors("negative zero", "two ascending whole numbers") {
      $0.header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}"#
    },
    .safetensors("huge number", "up to 8 whole numbers") {
      $0.header = #"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}"#
    },
    .safetensors("overflowing shape", "does not take the") {
      $0.header =
        #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#
    },
    .safetensors("extra member", "needs 'dtype', 'shape' and 'data_offsets', and nothing else") {
      $0.header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#
    },
    .safetensors("deep nesting", "nested more than 8 deep") {
      $0.header = #"{"a":"# + String(repeating: "[", count: 50)
    },
    .safetensors("metadata", "'__metadata__' is not an object of strings") {
      $0.header = #"{"__metadata__":{"a":1}}"#
    },
    .safetensors("hole", "begins at offset") { builder in
      builder.change(norm) { $0.offsets = (1 << 20, 1 << 20 | 256) }
    },
    .safetensors("overlap", "begins at offset 0; expected") { builder in
      builder.change(norm) { $0.offsets = (0, 256) }
    },
    .safetensors("size", "of type F32 and shape [63] does not take the 256 bytes") { builder in
      builder.change(norm) { $0.shape = [63] }
    },
    .safetensors("type", "is of type I32") { builder in
      builder.change(norm) { $0.type = "I32" }
    },
    .safetensors("unknown type", "is of type Q9") { builder in
      builder.change(norm) { $0.type = "Q9" }
    },
    .safetensors("trailing", "3 bytes after its last tensor") { $0.trailing = [1, 2, 3] },
    .safetensors("cut short", "cut short: tensor") { builder in
      builder.tensors[builder.tensors.count - 1].data.removeLast()
      builder.tensors[builder.tensors.count - 1].offsets = nil
      var whole = TinySources().safetensors()
      builder.header = nil
      whole.tensors.removeLast()
      let last = TinySources().safetensors().tensors[builder.tensors.count - 1]
      let start = whole.tensors.reduce(0) { $0 + $1.data.count }
      builder.tensors[builder.tensors.count - 1].offsets = (start, start + last.data.count)
    },
    .safetensors("missing", "lacks tensor 'model.norm.weight'") { builder in
      builder.tensors.removeAll { $0.name == norm }
    },
    .safetensors("left over", "has tensor 'model.extra.weight'") {
      $0.tensors.append(.init("model.extra.weight", shape: [1], values: [1]))
    },
    .safetensors("shape", "has 1 rows of 64 values; expected 64 rows of 64") { builder in
      builder.change("model.layers.0.self_attn.q_proj.weight") { tensor in
        tensor.shape = [64]
        tensor.data.removeSubrange(256...)
      }
    },
  ]

  static let configs: [SourceDamage] = [
    .config(
      "architecture", "architecture 'FalconForCausalLM'",
      [
        "architectures": #"["FalconForCausalLM"]"#
      ]),
    .config("no width", "lacks 'hidden_size'", ["hidden_size": nil]),
    .config("text for a number", "'hidden_size' is \"64\"", ["hidden_size": #""64""#]),
    .config("fraction", "'num_hidden_layers' is 2.5", ["num_hidden_layers": "2.5"]),
    .config("negative", "'vocab_size' is -1", ["vocab_size": "-1"]),
    .config("epsilon", "expected between 0 and 1", ["rms_norm_eps": "0"]),
    .config("theta", "rope_theta is -1", ["rope_theta": "-1"]),
    .config("heads", "not a multiple of 3 attention heads", ["num_attention_heads": "3"]),
    .config("no heads", "not a multiple of 0", ["num_attention_heads": "0"]),
    .config("key/value heads", "n_kv_heads", ["num_key_value_heads": "3"]),
    .config("head size", "'head_dim' is 8", ["head_dim": "8"]),
    .config("activation", "'hidden_act' is \"gelu\"", ["hidden_act": #""gelu""#]),
    .config("bias", "'attention_bias' is true", ["attention_bias": "true"]),
    .config(
      "RoPE scaling", "type 'linear' ('rope_scaling')",
      [
        "rope_scaling": #"{"type": "linear", "factor": 2}"#
      ]),
    .config(
      "RoPE parameters", "type 'llama3' ('rope_parameters')",
      [
        "rope_parameters": #"{"rope_type": "llama3"}"#
      ]),
    .config("quantised", "'quantization_config'", ["quantization_config": #"{"bits": 4}"#]),
    .config(
      "window", "sliding window of 4096",
      [
        "architectures": #"["MistralForCausalLM"]"#, "model_type": #""mistral""#,
        "sliding_window": "4096",
      ]),
    .config("rows", "has 512 rows of 64 values; expected 256 rows", ["vocab_size": "256"]),
  ]

  static let indices: [SourceDamage] = [
    index("parent", "only bare file names", file: "../x.safetensors"),
    index("absolute", "only bare file names", file: "/etc/passwd"),
    index("hidden", "only bare file names", file: ".x"),
    index("nothing", "only bare file names", file: ""),
    index("control", "only bare file names", file: #"a\u0000b"#),
    index("missing shard", "part.safetensors: cannot be opened", file: "part.safetensors"),
    SourceDamage(
      "misplaced", "part-0.safetensors has tensor 'model.norm.weight' the index does not put there"
    ) {
      sources, folder in
      let directory = try Shards.write(sources, in: folder)
      let path = "Tiny/model.safetensors.index.json"
      let text = try String(contentsOfFile: folder.file(path), encoding: .utf8)
      let moved = text.replacing(
        #""model.norm.weight": "part-0"#, with: #""model.norm.weight": "part-1"#)
      try folder.write(path, Array(moved.utf8))
      return directory
    },
    SourceDamage("no weights", "has neither model.safetensors nor pytorch_model.bin") {
      try $0.makeHuggingFace(in: $1)
    },
    SourceDamage("no model", "neither config.json (Hugging Face) nor params.json (Meta)") {
      $1.path
    },
  ]

  private static func index(_ name: String, _ expected: String, file: String) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      let directory = try sources.makeHuggingFace(in: folder)
      try folder.write(
        "Tiny/model.safetensors.index.json",
        Array("{\"weight_map\": {\"model.norm.weight\": \"\(file)\"}}".utf8))
      return directory
    }
  }

  @Test(arguments: safetensors) func refusesSafetensors(damage: SourceDamage) throws {
    try damage.check()
  }
  @Test(arguments: configs) func refusesConfig(damage: SourceDamage) throws { try damage.check() }
  @Test(arguments: indices) func refusesIndex(damage: SourceDamage) throws { try damage.check() }

  @Test func everyTruncationIsAnError() throws {
    let folder = try TemporaryDirectory()
    let sources = TinySources()
    let directory = try sources.makeHuggingFace(in: folder)
    let bytes = sources.safetensors().bytes()
    for count in [0, 1, 7, 8, 9, 20, 100, 1000, bytes.count / 2, bytes.count - 1] {
      try folder.write("Tiny/model.safetensors", bytes[..<count])
      #expect(throws: ConversionError.self, "\(count)") { try ModelConverter(path: directory) }
    }
  }
}
