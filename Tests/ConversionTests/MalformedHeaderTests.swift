import ModelFile
import TestSupport
import Testing

@testable import Conversion

/// A change to a right file, and what the error must say.
struct Damage: CustomTestStringConvertible {
  let name: String
  let expected: String
  var base: @Sendable () -> GGUFBuilder = { .tinyLlama() }
  let change: @Sendable (inout GGUFBuilder) -> Void

  var testDescription: String { name }

  init(
    _ name: String, _ expected: String,
    base: @escaping @Sendable () -> GGUFBuilder = { .tinyLlama() },
    _ change: @escaping @Sendable (inout GGUFBuilder) -> Void
  ) {
    self.name = name
    self.expected = expected
    self.base = base
    self.change = change
  }

  /// Opens the damaged file and checks that the error names the file and says what was expected.
  func check() throws {
    var builder = base()
    change(&builder)
    let folder = try TemporaryDirectory()
    let path = try folder.write("model.gguf", builder.bytes())
    let error = #expect(throws: ConversionError.self) {
      try ModelConverter(source: GGUFModel(path: path))
    }
    #expect(error?.place == path)
    #expect(error?.reason.contains(expected) == true, "found: \(error?.reason ?? "no error")")
    #expect(error?.kind == .damagedFile)
  }
}

@Suite struct MalformedHeaderTests {
  static let counts: [Damage] = [
    Damage("magic", "does not begin with 'GGUF'") { $0.magic = Array("GGML".utf8) },
    Damage("version 1", "GGUF version 1;") { $0.version = 1 },
    Damage("version 4", "GGUF version 4;") { $0.version = 4 },
    Damage("big-endian", "big-endian") { $0.version = 0x0300_0000 },
    Damage("tensor count", "number of tensors is 18446744073709551615") { $0.tensorCount = .max },
    Damage("metadata count", "number of metadata pairs is 65537") { $0.metadataCount = 65_537 },
    Damage("too many pairs", "key of metadata 16") { $0.metadataCount = 65_536 },
    Damage("too many tensors", "name of tensor 11") { $0.tensorCount = 65_536 },
  ]

  static let metadata: [Damage] = [
    Damage("empty key", "empty or not printable ASCII") { $0.set("", uint32: 1) },
    Damage("key with control", "not printable ASCII") { $0.set("a\u{1B}[2J", uint32: 1) },
    Damage("long key", "is 257 bytes long") {
      $0.set(String(repeating: "k", count: 257), uint32: 1)
    },
    Damage("duplicate key", "occurs twice") {
      $0.metadata.append(("llama.block_count", le(UInt32(4)) + le(UInt32(1))))
    },
    Damage("value type", "value type 13") { $0.set("x", raw: le(UInt32(13))) },
    Damage("bool of 2", "is a bool of 2") { $0.set("x", raw: le(UInt32(7)) + [2]) },
    Damage("string length", "is 9223372036854775808 bytes long") {
      $0.set("x", raw: le(UInt32(8)) + le(UInt64(1) << 63))
    },
    Damage("string past the end", "bytes long") {
      $0.set("x", raw: le(UInt32(8)) + le(UInt64(1_000_000)))
    },
    Damage("array count", "number of elements of 'x' is 18446744073709551615") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(4)) + le(UInt64.max))
    },
    Damage("array past the end", "cut short: 'x' takes 80000000 bytes") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(10)) + le(UInt64(10_000_000)))
    },
    Damage("array of arrays", "array of arrays") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(9)) + le(UInt64(0)))
    },
    Damage("array element type", "value type 99") {
      $0.set("x", raw: le(UInt32(9)) + le(UInt32(99)) + le(UInt64(0)))
    },
    Damage("wrong type", "is string; expected uint32") { $0.set("llama.block_count", string: "1") },
    Damage("array for a number", "is an array of 1 int32; expected uint32") {
      $0.set("llama.attention.head_count_kv", int32s: [1])
    },
    Damage("alignment 0", "general.alignment is 0") { $0.set("general.alignment", uint32: 0) },
    Damage("alignment 3", "general.alignment is 3") { $0.set("general.alignment", uint32: 3) },
    Damage("alignment huge", "general.alignment is 8192") {
      $0.set("general.alignment", uint32: 8192)
    },
  ]

  static let tensors: [Damage] = [
    Damage("duplicate tensor", "'output_norm.weight' occurs twice") {
      $0.add("output_norm.weight", columns: 8, values: GGUFBuilder.values(8, seed: 1))
    },
    Damage("long name", "is 64 bytes long") {
      $0.add(String(repeating: "n", count: 64), columns: 1, values: [0])
    },
    Damage("empty name", "empty or not printable") { $0.add("", columns: 1, values: [0]) },
    Damage("no dimensions", "has 0 dimensions") {
      $0.change("output_norm.weight") { $0.dimensions = [] }
    },
    Damage("five dimensions", "has 5 dimensions") {
      $0.change("output_norm.weight") { $0.dimensions = [8, 1, 1, 1, 1] }
    },
    Damage("zero dimension", "must not be zero") {
      $0.change("output_norm.weight") { $0.dimensions = [8, 0] }
    },
    Damage("overflow of a dimension", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [.max] }
    },
    Damage("overflow of a product", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [1 << 32, 1 << 31] }
    },
    Damage("overflow of bytes", "impossibly large") {
      $0.change("output_norm.weight") { $0.dimensions = [1 << 31, 1 << 31] }
    },
    Damage("past the end", "cut short: tensor 'output_norm.weight' takes 400000000 bytes") {
      $0.change("output_norm.weight") { $0.dimensions = [100_000_000] }
    },
    Damage("unsupported type", "'output_norm.weight' is Q3_K, which cannot be read") {
      $0.change("output_norm.weight") { $0.type = 11 }
    },
    Damage("unknown type", "of unknown type 77") {
      $0.change("output_norm.weight") { $0.type = 77 }
    },
    Damage("row of part of a block", "not a multiple of Q8_0's blocks of 32") {
      $0.change("output_norm.weight") { $0.type = ElementType.q80.rawValue }
    },
    Damage("misaligned", "is at offset 257; expected 256") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = 257 }
    },
    Damage("overlapping", "is at offset 0; expected 256") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = 0 }
    },
    Damage("offset out of file", "is at offset 18446744073709551584") {
      $0.change("blk.0.attn_norm.weight") { $0.offset = .max - 31 }
    },
  ]

  @Test(arguments: counts + metadata + tensors)
  func namesWhatIsWrong(damage: Damage) throws { try damage.check() }

  @Test func truncationAtEveryByte() throws {
    let whole = GGUFBuilder.tinyLlama().bytes()
    let folder = try TemporaryDirectory()
    for count in whole.indices {
      let path = try folder.write("cut.gguf", whole.prefix(count))
      let error = #expect(throws: ConversionError.self, "\(count) bytes") {
        try ModelConverter(source: GGUFModel(path: path))
      }
      #expect(error?.place == path)
    }
  }

  @Test func anyByteOfTheHeaderChanged() throws {
    let builder = GGUFBuilder.tinySmolLM()
    let whole = builder.bytes()
    let folder = try TemporaryDirectory()
    var accepted = 0
    for index in builder.header().indices {
      for change: UInt8 in [0x01, 0xff] {
        var bytes = whole
        bytes[index] ^= change
        let path = try folder.write("changed.gguf", bytes)
        do {
          _ = try ModelConverter(source: GGUFModel(path: path))
          accepted += 1
        } catch {
          #expect((error as? ConversionError)?.place == path, "byte \(index): \(error)")
        }
      }
    }
    // Names, scores and the like may change; most bytes may not.
    #expect(accepted < builder.header().count)
  }

  @Test func whatIsNotAFile() throws {
    let folder = try TemporaryDirectory()
    for path in [folder.path, folder.file("absent.gguf"), "/dev/null"] {
      let error = #expect(throws: ConversionError.self) {
        try ModelConverter(source: GGUFModel(path: path))
      }
      #expect(error?.place == path)
      #expect(error?.kind == .damagedFile)
    }
  }
}
