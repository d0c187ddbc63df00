/// llama2.c's own header: seven numbers, and from version 1 on what they need to be understood.
///
/// | bytes | v0 | v1, v2 |
/// |---|---|---|
/// | 0 | i32 dim | u32 magic 0x616b3432 |
/// | 4 | i32 hidden_dim | i32 version |
/// | 8 | i32 n_layers | i32 dim |
/// | 12 | i32 n_heads | i32 hidden_dim |
/// | 16 | i32 n_kv_heads | i32 n_layers |
/// | 20 | i32 vocab_size, negative: separate classifier | i32 n_heads |
/// | 24 | i32 seq_len | i32 n_kv_heads |
/// | 28 | tensors | i32 vocab_size |
/// | 32 | | i32 seq_len |
/// | 36 | | u8 shared_classifier |
/// | 37 | | v2: i32 group_size (not aligned) |
/// | 41…63 | | zero |
/// | 64…255 | | zero, or the ``HeaderExtension`` |
struct CheckpointHeader: Hashable {
  var config: ModelConfig
  var format: CheckpointFormat

  /// `ak42` read as a number; in the file the bytes are `24ka`.
  static let magic: UInt32 = 0x616b_3432

  init(config: ModelConfig, format: CheckpointFormat) {
    self.config = config
    self.format = format
  }

  /// Reads the numbers as they stand; ``TensorLayout`` checks them.
  init(parsing bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    guard bytes.count >= CheckpointFormat.v0.headerSize else {
      throw ModelFileError(
        bytes.isEmpty
          ? "is empty" : "is \(SizeText.bytes(bytes.count)); too short to be a model")
    }
    var reader = ByteReader(bytes)
    let magic = try reader.read(UInt32.self, "magic")
    guard magic != CheckpointHeader.magic.byteSwapped else {
      throw ModelFileError("is a big-endian model file; write it again on a little-endian machine")
    }
    guard magic == CheckpointHeader.magic else {
      try reader.seek(to: 0, "dim")
      (config, format) = (try ModelConfig(parsing: &reader), .v0)
      config.sharedClassifier = config.vocabSize > 0
      config.vocabSize = abs(config.vocabSize)
      return
    }
    let version = try reader.read(Int32.self, "version")
    guard version >= 1 else { throw ModelFileError("version is \(version); corrupt header") }
    guard version <= 2 else {
      throw ModelFileError(
        "ak42 version \(version) is newer than this program (knows 1 and 2)")
    }
    guard bytes.count >= CheckpointFormat.v1.headerSize else {
      throw ModelFileError("header cut short: \(bytes.count) of 256 bytes")
    }
    config = try ModelConfig(parsing: &reader)
    let shared = try reader.read(UInt8.self, "shared_classifier")
    guard shared <= 1 else {
      throw ModelFileError("shared_classifier is \(shared); must be 0 or 1")
    }
    config.sharedClassifier = shared == 1
    let groupSize = try reader.read(Int32.self, "group_size")
    format = version == 1 ? .v1 : .v2(groupSize: Int(groupSize))
  }

  /// The header's bytes; bytes 41…255 of versions 1 and 2 are zero.
  func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    if format != .v0 {
      bytes.append(littleEndian: CheckpointHeader.magic)
      bytes.append(littleEndian: Int32(format.version))
    }
    let signedVocabulary =
      format == .v0 && !config.sharedClassifier ? -config.vocabSize : config.vocabSize
    for value in [
      config.dim, config.hiddenDim, config.layers, config.heads, config.kvHeads, signedVocabulary,
      config.contextLength,
    ] {
      bytes.append(littleEndian: Int32(clamping: value))
    }
    if format != .v0 { bytes.append(config.sharedClassifier ? 1 : 0) }
    if case .v2(let groupSize) = format { bytes.append(littleEndian: Int32(clamping: groupSize)) }
    bytes.append(zeros: format.headerSize - bytes.count)
    return bytes
  }
}

extension ModelConfig {
  /// Reads the seven numbers as they stand.
  fileprivate init(parsing reader: inout ByteReader) throws(ModelFileError) {
    dim = Int(try reader.read(Int32.self, "dim"))
    hiddenDim = Int(try reader.read(Int32.self, "hidden_dim"))
    layers = Int(try reader.read(Int32.self, "n_layers"))
    heads = Int(try reader.read(Int32.self, "n_heads"))
    kvHeads = Int(try reader.read(Int32.self, "n_kv_heads"))
    vocabSize = Int(try reader.read(Int32.self, "vocab_size"))
    contextLength = Int(try reader.read(Int32.self, "seq_len"))
    sharedClassifier = true
  }
}
