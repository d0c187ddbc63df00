import Foundation

/// Safetensors files, and indices of several, that are not as they should be.
extension SourceDamage {
  private static let norm = "model.norm.weight"

  package static let damagedSafetensors: [SourceDamage] = [
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

  package static let damagedIndices: [SourceDamage] = [
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
}
