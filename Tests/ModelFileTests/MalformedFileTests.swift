import TestSupport
import Testing

@testable import ModelFile

@Suite("Damaged model files")
struct MalformedFileTests {
  let folder: TemporaryDirectory
  init() throws { folder = try TemporaryDirectory() }

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    try Checkpoint(path: folder.write("model.bin", bytes))
  }

  private func expectError(
    _ bytes: [UInt8], _ message: String, _ kind: FailureKind = .damagedFile,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = try #require(throws: ModelFileError.self, sourceLocation: sourceLocation) {
      try open(bytes)
    }
    #expect(error.reason.contains(message), "\(error)", sourceLocation: sourceLocation)
    #expect(error.kind == kind, sourceLocation: sourceLocation)
    #expect(error.place == folder.file("model.bin"), sourceLocation: sourceLocation)
  }

  static let header: [Damage] = [
    .prefix(.v0, 0, "is empty"),
    .prefix(.v0, 27, "is 27 bytes; too short"),
    .prefix(.v0, 28, "truncated: 2,364 bytes expected, 28 present (2.3 kB missing)"),
    .prefix(.v1, 40, "header cut short: 40 of 256 bytes"),
    .prefix(.v1, 256, "truncated"),
    .resized(.v0, by: -1, "(1 byte missing)"),
    .resized(.v1, by: -1, "(1 byte missing)"),
    .resized(.v2, by: -100, "(100 bytes missing)"),
    .resized(.v0, by: 1, "(1 byte too many)"),
    .resized(.v0, by: 192, "(192 bytes too many)"),
    .resized(.v1, by: 4, "(4 bytes too many)"),
    .resized(.extended, by: 1, "(1 byte too many)"),
    .int(.v1, 0, 0x3234_6b61, "big-endian"),
    .int(.v1, 4, 0, "version is 0; corrupt"),
    .int(.v1, 4, -1, "version is -1; corrupt"),
    .int(.v1, 4, 3, "version 3 is newer than this program (knows 1 and 2)"),
    .int(.v1, 4, .max, "version 2147483647 is newer"),
    .int(.v0, 0, -64, "dim is -64; must be 1…65536; this may not be a llama2.c model"),
    .int(.v0, 20, .min, "vocab_size is 2147483648"),
    .int(.v0, 20, 0, "vocab_size is 0"),
    .int(.v0, 20, -8, "vocab_size sign says separate classifier, size says shared"),
    .int(.v1, 28, -8, "vocab_size is -8; must be 1…4194304"),
    .int(.v1, 8, 0, "dim is 0"),
    .int(.v1, 8, 7, "dim 7 is not a multiple of n_heads 2"),
    .int(.v1, 8, 65537, "dim is 65537; must be 1…65536"),
    .int(.v1, 12, 0, "hidden_dim is 0"),
    .int(.v1, 12, .max, "hidden_dim is 2147483647; must be 1…1048576"),
    .int(.v1, 16, 0, "n_layers is 0"),
    .int(.v1, 16, -1, "n_layers is -1; must be 1…1024"),
    .int(.v1, 16, 1 << 30, "n_layers is 1073741824"),
    .int(.v1, 20, 0, "n_heads is 0"),
    .int(.v1, 20, 7, "dim 8 is not a multiple of n_heads 7"),
    .int(.v1, 20, 8, "head size is 1 (dim / n_heads); must be even"),
    .int(.v1, 24, 0, "n_kv_heads is 0"),
    .int(.v1, 24, 3, "n_kv_heads is 3; must be 1…2"),
    .int(.v1, 32, 0, "seq_len is 0"),
    .int(.v1, 32, -1, "seq_len is -1"),
    .int(.v1, 32, .max, "seq_len is 2147483647"),
    .int(.v1, 33, 0x0700_0000, "shared_classifier is 7; must be 0 or 1"),
    .int(.v1, 33, 0, "shared_classifier byte says separate classifier, size says shared"),
    .int(.v2, 37, 0, "group_size is 0; must be 1…4096"),
    .int(.v2, 37, -4, "group_size is -4"),
    .int(.v2, 37, 3, "group_size is 3; must divide dim 8"),
    .int(.v2, 37, 128, "group_size is 128; must divide dim 8"),
    .int(.v2, 37, .max, "group_size is 2147483647"),
    .int(.v2, 8, 20, "group_size is 8; must divide dim 20"),
    // Products just above 2^31, 2^32 and far above any disk: numbers in range, file too short.
    .int(.v1, 28, 1 << 22, "truncated"),
    .int(.v1, 16, 1024, "truncated"),
    .int(.v0, 24, 1 << 22, "truncated"),
  ]

  @Test(arguments: header) func aWrongHeaderIsNamed(damage: Damage) throws {
    var bytes = try damage.base.bytes()
    damage.change(&bytes)
    try expectError(bytes, damage.message, damage.kind)
  }

  static let numbers: [Damage] = [
    .float(.v1, 256, .nan, "attentionNorm of layer 0: value 0 is nan"),
    .float(.v1, 256 + 4 * 9, .infinity, "ffnNorm of layer 0: value 1 is inf"),
    .float(.v2, 256 + 4 * 23, -.infinity, "finalNorm: value 7 is -inf"),
    .float(.v0, 28 + 4 * 64, .nan, "attentionNorm of layer 0: value 0 is nan"),
  ]

  @Test(arguments: numbers) func aDamagedNormIsNamed(damage: Damage) throws {
    var bytes = try damage.base.bytes()
    damage.change(&bytes)
    try expectError(bytes, damage.message, damage.kind)
  }

  static let weights: [Damage] = [
    .float(.v1, 256 + 4 * 24, .nan, "tokenEmbedding: value 0 is nan"),
    .float(.v0, 28, .infinity, "tokenEmbedding: value 0 is inf"),
    .float(.v2, 256 + 4 * 24 + 64, .nan, "tokenEmbedding: scale 0 is nan"),
    .float(.v2, 256 + 4 * 24 + 68, -1, "tokenEmbedding: scale 1 is -1.0, below 0"),
  ]

  @Test(arguments: weights) func verifyNamesADamagedWeight(damage: Damage) throws {
    var bytes = try damage.base.bytes()
    try open(bytes).verify()
    damage.change(&bytes)
    let checkpoint = try open(bytes)
    let error = try #require(throws: ModelFileError.self) { try checkpoint.verify() }
    #expect(error.reason.contains(damage.message), "\(error)")
    #expect(error.kind == damage.kind)
  }

  static let extensions: [Damage] = [
    .int(.extended, 252, 0, "CRC-32"),
    .int(.extended, 8, 16, "CRC-32"),
    .resealed(68, [2, 0], "version 2 is not known"),
    .resealed(70, [193, 0], "length is 193"),
    .resealed(72, [0, 0, 0xC0, 0x7F], "rope_theta is nan"),
    .resealed(72, [0, 0, 0, 0], "rope_theta is 0"),
    .resealed(72, [0, 0, 0x80, 0xBF], "rope_theta is -1"),
    .resealed(76, [0, 0, 0, 0], "norm_eps is 0"),
    .resealed(76, [0, 0, 0xC0, 0x7F], "norm_eps is nan"),
    .resealed(80, [2, 0, 0, 0], "head_dim is 2; this program knows 0 or 4"),
    .resealed(84, [2, 0, 0, 0], "rope_scaling is 2"),
    .resealed(88, [1], "must be zero"),
    .resealed(104, [8], "bos is 8; must be a token id, 0…7"),
    .resealed(108, [255, 255, 255, 255], "eos is -1"),
    .resealed(112, [254, 255, 255, 255], "end_of_turn is -2"),
    .resealed(116, [9, 0, 0, 0], "unk is 9"),
    .resealed(120, [3], "tokenizer is 3"),
    .resealed(120, [0], "its kind is not named"),
    .resealed(121, [3], "template is 3"),
    .resealed(122, [1], "rope_layout is 1"),
    .resealed(123, [4], "flags is 4"),
    .resealed(124, [9, 0, 0, 0], "tokenizer_count is 9; vocab_size is 8"),
    .resealed(128, [1], "file_size is"),
    .resealed(136, [1], "tokenizer section is at byte"),
    .resealed(136, [UInt8](repeating: 255, count: 16), "cannot be"),
    .resealed(136, [UInt8](repeating: 0, count: 16), "no tokenizer section"),
    .resealed(144, [9], "file_size is"),
    .resealed(152, [1], "must be zero"),
    .resealed(248, [1], "must be zero"),
  ]

  @Test(arguments: extensions) func aWrongExtensionIsNamed(damage: Damage) throws {
    var bytes = try damage.base.bytes()
    damage.change(&bytes)
    try expectError(bytes, damage.message, damage.kind)
  }

  @Test func anUnknownBlockIsIgnoredWithAWarning() throws {
    var bytes = try Base.v1.bytes()
    bytes[64] = 1
    let checkpoint = try open(bytes)
    #expect(checkpoint.warnings.count == 1)
    #expect(!checkpoint.hasMetadata)
  }

  @Test func aHeadDimOfZeroMeansTheUsualOne() throws {
    var bytes = try Base.extended.bytes()
    bytes.put(0, at: 80)
    bytes.put(Int32(bitPattern: CRC32.checksum(bytes[..<252])), at: 252)
    #expect(try open(bytes).hasMetadata)
  }

  @Test(arguments: Base.allCases) func everyTruncationIsRefused(base: Base) throws {
    let bytes = try base.bytes()
    for count in 0..<bytes.count {
      #expect(throws: ModelFileError.self, "\(count) bytes") {
        try Array(bytes.prefix(count)).withUnsafeBytes { try CheckpointContents(checking: $0) }
      }
    }
  }

  /// A flipped bit may leave a legal file, but never one whose tensors lie outside of it.
  @Test(arguments: Base.allCases) func everyFlippedBitIsRefusedOrHarmless(base: Base) throws {
    let bytes = try base.bytes()
    for bit in 0..<(min(bytes.count, 4096) * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        let contents = try flipped.withUnsafeBytes { try CheckpointContents(checking: $0) }
        #expect(contents.layout.weightsEnd <= flipped.count, "bit \(bit)")
        #expect(base != .extended || bit >= 256 * 8, "bit \(bit) is under the checksum")
      } catch {
        #expect(error is ModelFileError, "bit \(bit)")
      }
    }
  }

  @Test(arguments: [
    (Array("GGUF".utf8), "GGUF file; convert it"),
    (Array("PK\u{3}\u{4}".utf8), "zip archive"),
    ([0x1F, 0x8B, 8, 0], "gzip"),
    ([0x80, 2, 0x8A, 0x0A], "pickle"),
    ([0x80, 4, 0x95, 0], "pickle"),
    (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git-lfs pointer"),
    (Array("<!DOCTYPE html>".utf8), "HTML"),
    (Array("<html><body>".utf8), "HTML"),
    ([16, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":{}}".utf8), "safetensors"),
  ])
  func foreignFormatsAreNamed(start: [UInt8], message: String) throws {
    for padding in [0, 4000] {
      try expectError(start + [UInt8](repeating: 0, count: padding), message)
    }
  }

  /// 640 is 0x0280, as the two bytes that begin a Python pickle; 8508 is 0x213C, as `<!`.
  @Test(arguments: [640, 8508]) func aWidthThatLooksForeignIsRead(dim: Int32) throws {
    var bytes = try Base.v0.bytes()
    bytes.put(dim, at: 0)
    try expectError(bytes, "truncated")
  }
}
