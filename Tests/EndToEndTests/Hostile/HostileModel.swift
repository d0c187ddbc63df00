import Foundation
import ModelFile
import TestSupport
import Tokenization

/// A model file of one of the classes of damage, M1 to M50, and how every command that opens it must end.
struct HostileModel: Sendable {
  /// The class, and what is done to a sound file.
  let name: String
  let base: Base
  let change: @Sendable (inout [UInt8]) -> Void
  /// The exit code, and a part of the message; code 0 where the file is odd but says all there is to know.
  let code: Int32
  let message: String

  /// Sound files of one tiny model.
  enum Base: CaseIterable {
    case v0, v1, v2
    /// Version 2 with the header's extension and a tokenizer.
    case extended
    /// Version 1 with a classifier of its own, and version 2 whose groups straddle rows.
    case separate, straddling

    fileprivate var config: ModelConfig {
      var config = self == .separate ? TinyModel.separateClassifierConfig : TinyModel.config
      config.contextLength = 512
      if self == .straddling { config.hiddenDim = 176 }
      return config
    }

    fileprivate var format: CheckpointFormat {
      switch self {
      case .v0: .v0
      case .v1, .separate: .v1
      case .v2, .extended: .v2(groupSize: 64)
      case .straddling: .v2(groupSize: 32)
      }
    }
  }

  /// A sound file.
  static func sound(_ base: Base) throws -> [UInt8] { try files.get()[base] ?? [] }

  /// The file.
  func bytes() throws -> [UInt8] {
    var bytes = try Self.sound(base)
    change(&bytes)
    return bytes
  }

  private static let files = Result {
    let folder = try TemporaryDirectory()
    let vocabulary = TinyVocabulary.sentencePiece()
    var metadata = ModelMetadata()
    (metadata.tokenizer, metadata.tokenCount) = (vocabulary.kind, vocabulary.count)
    metadata.template = .llama2
    var files: [Base: [UInt8]] = [:]
    for base in Base.allCases {
      let path = folder.file("\(base).bin")
      let isExtended = base == .extended
      try TinyModel.write(
        to: path, config: base.config, format: base.format,
        metadata: isExtended ? metadata : ModelMetadata(),
        tokenizerSection: isExtended ? vocabulary.section() : nil, writesExtension: isExtended)
      files[base] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    return files
  }
}

extension HostileModel {
  private typealias Change = @Sendable (inout [UInt8]) -> Void

  private init(
    _ name: String, _ base: Base, _ message: String = "", code: Int32 = 3,
    _ change: @escaping Change
  ) {
    (self.name, self.base, self.message, self.code, self.change) =
      (name, base, message, code, change)
  }

  /// The same in every format without extension.
  private static func all(
    _ name: String, _ message: String, _ change: @escaping Change
  ) -> [HostileModel] {
    [.v0, .v1, .v2].map { HostileModel("\(name) of \($0)", $0, message, change) }
  }

  /// Another i32 at a byte offset.
  private static func int(
    _ name: String, _ base: Base, _ offset: Int, _ value: Int32, _ message: String
  ) -> HostileModel {
    HostileModel("\(name) \(value)", base, message) { $0.put(value, at: offset) }
  }

  /// Another f32 at a byte offset.
  private static func float(
    _ name: String, _ base: Base, _ offset: Int, _ value: Float, _ message: String
  ) -> HostileModel {
    HostileModel(name, base, message, code: 5) {
      $0.put(Int32(bitPattern: value.bitPattern), at: offset)
    }
  }

  /// Other bytes in the extension, under a checksum that is right again.
  private static func sealed(
    _ name: String, _ offset: Int, _ values: [UInt8], _ message: String
  ) -> HostileModel {
    HostileModel(name, .extended, message) { bytes in
      bytes.replaceSubrange(offset..<offset + values.count, with: values)
      bytes.put(Int32(bitPattern: CRC32.checksum(bytes[..<252])), at: 252)
    }
  }

  private static let nan: [UInt8] = [0, 0, 0xC0, 0x7F]

  /// M1 to M36, M38 and M39.
  static let table: [HostileModel] = sizes + shapes + products + numbers + extensions + foreign

  private static let sizes: [HostileModel] =
    all("M1 empty", "is empty") { $0 = [] }
    + all("M2 27 bytes", "is 27 bytes; too short") { $0 = Array($0.prefix(27)) }
    + [
      HostileModel("M3 header only", .v0, "truncated") { $0 = Array($0.prefix(28)) },
      HostileModel("M3 header only", .v1, "truncated") { $0 = Array($0.prefix(256)) },
      HostileModel("M3 header only", .v2, "truncated") { $0 = Array($0.prefix(256)) },
    ]
    + all("M4 half", "truncated") { $0 = Array($0.prefix($0.count / 2)) }
    // The tables of the rotary embedding end a file whose classifier is shared.
    + [HostileModel("M5 cut in the tables", .v0, "truncated") { $0.removeLast(10_000) }]
    + all("M6 one byte less", "(1 byte missing)") { $0.removeLast() }
    + all("M7 one byte more", "(1 byte too many)") { $0.append(0) }
    + all("M8 192 bytes more", "(192 bytes too many)") {
      $0 += [UInt8](repeating: 7, count: 192)
    }
    + [
      HostileModel("M9 version 1 is read", .v1, code: 0) { _ in },
      HostileModel("M10 big-endian", .v2, "big-endian") {
        $0.replaceSubrange(0..<4, with: $0[0..<4].reversed())
      },
      int("M11 version", .v2, 4, 0, "version is 0; corrupt"),
      int("M11 version", .v2, 4, -1, "version is -1; corrupt"),
      int("M11 version", .v2, 4, 3, "version 3 is newer"),
      int("M11 version", .v2, 4, .max, "version 2147483647 is newer"),
      HostileModel("M12 40 bytes", .v2, "header cut short: 40 of 256") {
        $0 = Array($0.prefix(40))
      },
    ]

  private static let shapes: [HostileModel] = [
    int("M13 dim", .v0, 0, 0, "dim is 0; must be 1…65536"),
    int("M13 dim", .v0, 0, -64, "dim is -64"), int("M13 dim", .v2, 8, -64, "dim is -64"),
    int("M13 dim", .v2, 8, 63, "dim 63 is not a multiple of n_heads 4"),
    int("M14 hidden_dim", .v2, 12, 0, "hidden_dim is 0"),
    int("M14 hidden_dim", .v0, 4, .max, "hidden_dim is 2147483647"),
    int("M15 n_layers", .v2, 16, 0, "n_layers is 0"),
    int("M15 n_layers", .v2, 16, -1, "n_layers is -1"),
    int("M15 n_layers", .v0, 8, 1 << 30, "n_layers is 1073741824"),
    int("M16 n_heads", .v2, 20, 0, "n_heads is 0"),
    int("M16 n_heads", .v0, 12, 7, "n_heads 7 is not a multiple of n_kv_heads 2"),
    int("M17 n_kv_heads", .v2, 24, 0, "n_kv_heads is 0"),
    int("M17 n_kv_heads", .v0, 16, 3, "n_heads 4 is not a multiple of n_kv_heads 3"),
    int("M17 n_kv_heads", .v2, 24, 16, "n_kv_heads is 16; must be 1…4"),
    int("M18 head size 1, n_heads", .v2, 20, 64, "head size is 1"),
    int("M19 vocab_size", .v0, 20, 0, "vocab_size is 0"),
    int("M19 vocab_size", .v2, 28, 1, "too many"),
    int("M19 vocab_size", .v0, 20, .min, "vocab_size is 2147483648"),
    int("M19 vocab_size", .v2, 28, .min, "vocab_size is -2147483648"),
    int("M20 separate by its sign, vocab_size", .v0, 20, -512, "size says shared"),
    int("M21 seq_len", .v2, 32, 0, "seq_len is 0"),
    int("M21 seq_len", .v0, 24, -1, "seq_len is -1"),
    int("M21 seq_len", .v2, 32, .max, "seq_len is 2147483647"),
  ]

  /// Numbers in range, whose products are just above 2^31, 2^32 and far above any disk.
  private static let products: [HostileModel] = [
    HostileModel("M22 2^31 elements", .v1, "truncated") {
      $0.put(1 << 21, at: 28); $0.put(1024, at: 8)
    },
    HostileModel("M22 2^32 elements", .v2, "truncated") {
      $0.put(1 << 22, at: 28); $0.put(1024, at: 8)
    },
    HostileModel("M22 2^32 elements", .v0, "truncated") {
      $0.put(1 << 22, at: 20); $0.put(1024, at: 0)
    },
    HostileModel("M22 2^49 bytes", .v1, "truncated") { bytes in
      for (offset, value) in [(8, 65536), (12, 1 << 20), (16, 1024), (28, 1 << 22)] {
        bytes.put(Int32(value), at: offset)
      }
    },
  ]

  /// Of version 1 and 2: the norms begin at 256, the embedding behind five of 64 numbers.
  private static let (firstNorm, embedding) = (256, 256 + 5 * 64 * 4)

  private static let numbers: [HostileModel] = [
    HostileModel("M23 shared_classifier 7", .v2, "shared_classifier is 7") { $0[36] = 7 },
    HostileModel("M24 no classifier", .v2, "size says shared") { $0[36] = 0 },
    HostileModel("M25 one classifier too many", .separate, "size says separate") { $0[36] = 1 },
    int("M26 group_size", .v2, 37, 0, "group_size is 0; must be 1…4096"),
    int("M26 group_size", .v2, 37, -4, "group_size is -4"),
    int("M26 group_size", .v2, 37, 3, "group_size is 3; must divide dim 64"),
    int("M26 group_size", .v2, 37, 128, "group_size is 128; must divide dim 64"),
    int("M26 group_size", .v2, 37, .max, "group_size is 2147483647"),
    HostileModel("M27 groups that straddle rows", .straddling, code: 0) { _ in },
    float("M28 NaN in a norm", .v2, firstNorm, .nan, "attentionNorm of layer 0: value 0 is nan"),
    float("M28 NaN in a norm", .v0, 28 + 4 * 512 * 64, .nan, "attentionNorm of layer 0"),
    float("M29 infinity in a norm", .v1, embedding - 4, .infinity, "finalNorm: value 63 is inf"),
    float("M30 NaN for a scale", .v2, embedding + 512 * 64, .nan, ""),
    HostileModel("M31 zeros for weights", .v1, code: 0) { bytes in
      bytes.replaceSubrange(256..., with: [UInt8](repeating: 0, count: bytes.count - 256))
    },
  ]

  private static let extensions: [HostileModel] = [
    HostileModel("M32 checksum", .extended, "CRC-32") { $0[253] ^= 1 },
    sealed("M33 length 193", 70, [193, 0], "length is 193"),
    sealed("M34 rope_theta NaN", 72, nan, "rope_theta is nan"),
    sealed("M34 rope_theta 0", 72, [0, 0, 0, 0], "rope_theta is 0"),
    sealed("M34 rope_theta -1", 72, [0, 0, 0x80, 0xBF], "rope_theta is -1"),
    sealed("M35 norm_eps 0", 76, [0, 0, 0, 0], "norm_eps is 0"),
    sealed("M35 norm_eps NaN", 76, nan, "norm_eps is nan"),
    sealed("M36 head_dim 8", 80, [8, 0, 0, 0], "head_dim is 8; this program knows 0 or 16"),
  ]

  private static let foreign: [HostileModel] = [
    HostileModel("M38 git-lfs pointer", .v2, "git-lfs pointer") {
      $0 = Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8)
    },
    HostileModel("M39 web page", .v2, "HTML") {
      $0 = Array("<!DOCTYPE html><title>\u{1B}]0;x\u{7}</title>".utf8)
    },
    HostileModel("M39 gzip", .v2, "gzip") { $0.replaceSubrange(0..<4, with: [0x1F, 0x8B, 8, 0]) },
    HostileModel("M39 zip", .v2, "zip") { $0.replaceSubrange(0..<4, with: [0x50, 0x4B, 3, 4]) },
    HostileModel("M39 GGUF", .v2, "number of tensors is") {
      $0.replaceSubrange(0..<4, with: Array("GGUF".utf8))
    },
    HostileModel("M39 safetensors", .v2, "safetensors") {
      $0 = [16, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":{}}        ".utf8)
      $0.append(zeros: 1000)
    },
  ]
}

extension [UInt8] {
  /// Overwrites four bytes with an integer.
  mutating func put(_ value: Int32, at offset: Int) {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: value)
    replaceSubrange(offset..<offset + 4, with: bytes)
  }
}
