/// GGUF files whose headers are wrong.
extension SourceDamage {
  package static let ggufCounts: [SourceDamage] = [
    .gguf("version 1", "GGUF version 1;") { $0.version = 1 },
    .gguf("version 4", "GGUF version 4;") { $0.version = 4 },
    .gguf("big-endian", "big-endian") { $0.version = 0x0300_0000 },
    .gguf("tensor count", "number of tensors is 18446744073709551615") { $0.tensorCount = .max },
    .gguf("metadata count", "number of metadata pairs is 65537") { $0.metadataCount = 65_537 },
    .gguf("too many pairs", "key of metadata 16") { $0.metadataCount = 65_536 },
    .gguf("too many tensors", "name of tensor 11") { $0.tensorCount = 65_536 },
  ]

  package static let ggufMetadata: [SourceDamage] = [
    .gguf("empty key", "empty or not printable ASCII") { $0.set("", uint32: 1) },
    .gguf("key with control", "not printable ASCII") { $0.set("a\u{1B}[2J", uint32: 1) },
    .gguf("long key", "is 257 bytes long") {
      $0.set(String(repeating: "k", count: 257), uint32: 1)
    },
    .gguf("duplicate key", "occurs twice") {
      $0.metadata.append(("llama.block_count", le(UInt32(4)) + le(UInt32(1))))
    },
    .gguf("value type", "value type 13") { $0.set("x", raw: le(UInt32(13))) },
    .gguf("bool of 2", "is a bool of 2") { $0.set("x", raw: le(UInt32(7)) + [2]) },
    .gguf("string length", "is 9223372036854775808 bytes long") {
      $0.set("x", raw: le(UInt32(8)) + le(UInt64(1) << 63))
    },
    .gguf("string past the end", "bytes long") {
      $0.set("x", raw: le(UInt32(8)) + le(UInt64(1_000_000)))
    },
    .gguf("array count", "number of elements of 'x' is 18446744073709551615") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(4)) + le(UInt64.max))
    },
    .gguf("array past the end", "cut short: 'x' takes 80000000 bytes") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(10)) + le(UInt64(10_000_000)))
    },
    .gguf("array of arrays", "array of arrays") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(9)) + le(UInt64(0)))
    },
    .gguf("array element type", "value type 99") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(99)) + le(UInt64(0)))
    },
    .gguf("wrong type", "is string; expected uint32") { $0.set("llama.block_count", string: "1") },
    .gguf("array for a number", "is an array of 1 int32; expected uint32") {
      $0.set("llama.attention.head_count_kv", int32s: [1])
    },
    .gguf("alignment 0", "general.alignment is 0") { $0.set("general.alignment", uint32: 0) },
    .gguf("alignment 3", "general.alignment is 3") { $0.set("general.alignment", uint32: 3) },
    .gguf("alignment huge", "general.alignment is 8192") {
      $0.set("general.alignment", uint32: 8192)
    },
  ]

  package static let ggufTensors: [SourceDamage] = [
    .gguf("duplicate tensor", "'output_norm.weight' occurs twice") {
      $0.add("output_norm.weight", columns: 8, values: GGUFBuilder.values(8, seed: 1))
    },
    .gguf("long name", "is 64 bytes long") {
      $0.add(String(repeating: "n", count: 64), columns: 1, values: [0])
    },
    .gguf("empty name", "empty or not printable") { $0.add("", columns: 1, values: [0]) },
    .gguf("no dimensions", "has 0 dimensions") {
      $0.change("output_norm.weight") { $0.dimensions = [] }
    },
    .gguf("five dimensions", "has 5 dimensions") {
      $0.change("output_norm.weight") { $0.dimensions = [8, 1, 1, 1, 1] }
    },
    .gguf("zero dimension", "must not be zero") {
      $0.change("output_norm.weight") { $0.dimensions = [8, 0] }
    },
    .gguf("overflow of a dimension", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [.max] }
    },
    .gguf("overflow of a product", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [1 << 32, 1 << 31] }
    },
    .gguf("overflow of bytes", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [1 << 31, 1 << 31] }
    },
    .gguf("past the end", "cut short: tensor 'output_norm.weight' takes 400000000 bytes") {
      $0.change("output_norm.weight") { $0.dimensions = [100_000_000] }
    },
    .gguf("unsupported type", "'output_norm.weight' is Q3_K, which cannot be read") {
      $0.change("output_norm.weight") { $0.type = 11 }
    },
    .gguf("unknown type", "of unknown type 77") {
      $0.change("output_norm.weight") { $0.type = 77 }
    },
    .gguf("row of part of a block", "not a multiple of Q8_0's blocks of 32") {
      $0.change("output_norm.weight") { $0.type = 8 }
    },
    .gguf("misaligned", "is at offset 257; expected 256") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = 257 }
    },
    .gguf("overlapping", "is at offset 0; expected 256") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = 0 }
    },
    .gguf("offset out of file", "is at offset 18446744073709551584") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = .max - 31 }
    },
  ]
}
