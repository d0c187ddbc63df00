/// The `LCX1` block: what llama2.c's header cannot say, in bytes 64…255 of a v1 or v2 file.
///
/// llama2.c's readers skip these bytes, so the file stays theirs to read. Little-endian throughout:
///
/// | byte | type | value |
/// |---|---|---|
/// | 64 | char[4] | `LCX1` |
/// | 68 | u16 | version of this block: 1 |
/// | 70 | u16 | length of this block: 192 |
/// | 72 | f32 | rope_theta, finite and above 0 |
/// | 76 | f32 | norm_eps, finite and above 0 |
/// | 80 | i32 | head_dim: 0 or dim / n_heads |
/// | 84 | i32 | rope_scaling: 0 (none) |
/// | 88 | 16 bytes | zero (kept for the parameters of rope_scaling) |
/// | 104 | i32 | bos, 0..<vocab_size |
/// | 108 | i32 | eos, 0..<vocab_size |
/// | 112 | i32 | end_of_turn, or -1 |
/// | 116 | i32 | unk, or -1 |
/// | 120 | u8 | tokenizer: 0 none, else ``TokenizerKind`` |
/// | 121 | u8 | template: ``TemplateKind``, or 255 when not said |
/// | 122 | u8 | rope_layout: 0 (interleaved pairs) |
/// | 123 | u8 | flags: bit 0 = add_bos, bit 1 = no default system prompt (of ChatML) |
/// | 124 | i32 | pieces of the tokenizer; 0 = unknown |
/// | 128 | u64 | size of the whole file |
/// | 136 | u64 | offset of the tokenizer section; 0 = none |
/// | 144 | u64 | length of the tokenizer section |
/// | 152 | 48 bytes | zero |
/// | 200 | char[48] | where the weights came from: UTF-8, zero-padded |
/// | 248 | u32 | zero |
/// | 252 | u32 | CRC-32 of bytes 0…251 |
///
/// The tokenizer section, when there is one, starts at the end of the weights rounded up to a
/// multiple of 8 (the gap is zero) and ends the file.
struct HeaderExtension: Hashable {
  var metadata: ModelMetadata
  var fileSize: Int
  /// Where the tokenizer section is.
  var tokenizer: Range<Int>?

  static let offset = 64
  private static let length = 192
  private static let magic: [UInt8] = Array("LCX1".utf8)
  private static let nameLength = 48
  private static let noTemplate: UInt8 = 255

  /// Whether bytes 64…67 are zero, `LCX1`, or something else.
  enum Presence { case absent, present, unknown }

  static func presence(in header: UnsafeRawBufferPointer) -> Presence {
    let mark = header[offset..<(offset + magic.count)]
    if mark.elementsEqual(magic) { return .present }
    return mark.allSatisfy { $0 == 0 } ? .absent : .unknown
  }

  init(metadata: ModelMetadata, fileSize: Int, tokenizer: Range<Int>?) {
    self.metadata = metadata
    self.fileSize = fileSize
    self.tokenizer = tokenizer
  }
}

// MARK: - Reading

extension HeaderExtension {
  /// Reads and checks the block of a 256-byte header that has one.
  init(parsing header: UnsafeRawBufferPointer, config: ModelConfig) throws(ModelFileError) {
    var reader = ByteReader(header)
    try HeaderExtension.checkFrame(&reader)
    var metadata = ModelMetadata()
    metadata.ropeTheta = try reader.readFloat("rope_theta")
    metadata.normEpsilon = try reader.readFloat("norm_eps")
    try reader.expect([0, Int32(clamping: config.headSize)], "head_dim")
    try reader.expect([Int32(0)], "rope_scaling")
    try reader.expectZeros(16, "rope_scaling's parameters")
    metadata.bos = try reader.read(Int32.self, "bos")
    metadata.eos = try reader.read(Int32.self, "eos")
    metadata.endOfTurn = try reader.readOptionalID("end_of_turn")
    metadata.unknown = try reader.readOptionalID("unk")
    let tokenizer = try reader.read(UInt8.self, "tokenizer")
    metadata.tokenizer = TokenizerKind(rawValue: tokenizer)
    guard tokenizer == 0 || metadata.tokenizer != nil else {
      throw ModelFileError("header extension: tokenizer is \(tokenizer); must be 0, 1 or 2")
    }
    let template = try reader.read(UInt8.self, "template")
    metadata.template = TemplateKind(rawValue: template)
    guard template == HeaderExtension.noTemplate || metadata.template != nil else {
      throw ModelFileError("header extension: template is \(template); must be 0, 1, 2 or 255")
    }
    try reader.expect([UInt8(0)], "rope_layout")
    let flags = try reader.expect([UInt8(0), 1, 2, 3], "flags")
    metadata.addsBOS = flags & 1 != 0
    metadata.hasDefaultSystem = flags & 2 == 0
    metadata.tokenCount = Int(try reader.read(Int32.self, "tokenizer_count"))
    fileSize = Int(clamping: try reader.read(UInt64.self, "file_size"))
    self.tokenizer = try reader.readSection()
    try reader.expectZeros(48, "bytes 152…199")
    let name = try reader.read(count: HeaderExtension.nameLength, "source name")
    metadata.sourceName = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    try reader.expectZeros(4, "bytes 248…251")
    self.metadata = metadata
    try check(config)
  }

  /// Checksum first: when it is wrong, no field means anything.
  private static func checkFrame(_ reader: inout ByteReader) throws(ModelFileError) {
    let checksumOffset = 252
    try reader.seek(to: checksumOffset, "CRC-32")
    let expected = try reader.read(UInt32.self, "CRC-32")
    let found = CRC32.checksum(reader.bytes[..<checksumOffset])
    guard found == expected else {
      throw ModelFileError(
        "header damaged: CRC-32 of bytes 0…251 is \(String(found, radix: 16)), the header says"
          + " \(String(expected, radix: 16)); get the file again")
    }
    try reader.seek(to: offset + magic.count, "header extension")
    let version = try reader.read(UInt16.self, "version")
    guard version == 1 else {
      throw ModelFileError(
        "header extension: version \(version) is not known to this program (knows 1)")
    }
    try reader.expect([UInt16(length)], "length")
  }
}

extension ByteReader {
  @discardableResult
  fileprivate mutating func expect<T: FixedWidthInteger>(
    _ values: [T], _ field: String
  ) throws(ModelFileError) -> T {
    let found = try read(T.self, field)
    guard values.contains(found) else {
      let allowed = values.map { "\($0)" }.joined(separator: " or ")
      throw ModelFileError("header extension: \(field) is \(found); this program knows \(allowed)")
    }
    return found
  }

  fileprivate mutating func expectZeros(_ count: Int, _ field: String) throws(ModelFileError) {
    guard try read(count: count, field).allSatisfy({ $0 == 0 }) else {
      throw ModelFileError("header extension: \(field) must be zero")
    }
  }

  fileprivate mutating func readOptionalID(_ field: String) throws(ModelFileError) -> Int32? {
    let id = try read(Int32.self, field)
    return id == -1 ? nil : id
  }

  fileprivate mutating func readSection() throws(ModelFileError) -> Range<Int>? {
    let offset = try read(UInt64.self, "tokenizer_offset")
    let length = try read(UInt64.self, "tokenizer_length")
    guard offset != 0 || length != 0 else { return nil }
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, let last = Int(exactly: end), length > 0 else {
      throw ModelFileError(
        "header extension: tokenizer section of \(length) bytes at byte \(offset) cannot be")
    }
    return Int(offset)..<last
  }
}

// MARK: - Checking and writing

extension HeaderExtension {
  /// Checks the values against the model's shape; the same rules for reading and writing.
  func check(_ config: ModelConfig) throws(ModelFileError) {
    for (name, value) in [("rope_theta", metadata.ropeTheta), ("norm_eps", metadata.normEpsilon)] {
      guard value.isFinite, value > 0 else {
        throw ModelFileError("header extension: \(name) is \(value); must be above 0 and finite")
      }
    }
    let ids = [
      ("bos", metadata.bos), ("eos", metadata.eos), ("end_of_turn", metadata.endOfTurn),
      ("unk", metadata.unknown),
    ]
    for case (let name, let id?) in ids where id < 0 || Int(id) >= config.vocabSize {
      throw ModelFileError(
        "header extension: \(name) is \(id); must be a token id, 0…\(config.vocabSize - 1)")
    }
    guard metadata.tokenCount >= 0, metadata.tokenCount <= config.vocabSize else {
      throw ModelFileError(
        "header extension: tokenizer_count is \(metadata.tokenCount); vocab_size is"
          + " \(config.vocabSize)")
    }
    guard (metadata.tokenizer == nil) == (tokenizer == nil) else {
      throw ModelFileError(
        tokenizer == nil
          ? "header extension: a tokenizer is named, but there is no tokenizer section"
          : "header extension: there is a tokenizer section, but its kind is not named")
    }
  }

  /// Fills bytes 64…255 of a 256-byte header.
  func write(into header: inout [UInt8], config: ModelConfig) {
    header.removeSubrange(HeaderExtension.offset...)
    header += HeaderExtension.magic
    header.append(littleEndian: UInt16(1))
    header.append(littleEndian: UInt16(HeaderExtension.length))
    header.append(float: metadata.ropeTheta)
    header.append(float: metadata.normEpsilon)
    header.append(littleEndian: Int32(clamping: config.headSize))
    header.append(littleEndian: Int32(0))
    header.append(zeros: 16)
    for id in [metadata.bos, metadata.eos, metadata.endOfTurn ?? -1, metadata.unknown ?? -1] {
      header.append(littleEndian: id)
    }
    header.append(metadata.tokenizer?.rawValue ?? 0)
    header.append(metadata.template?.rawValue ?? HeaderExtension.noTemplate)
    header.append(0)
    header.append((metadata.addsBOS ? 1 : 0) | (metadata.hasDefaultSystem ? 0 : 2))
    header.append(littleEndian: Int32(clamping: metadata.tokenCount))
    header.append(littleEndian: UInt64(fileSize))
    header.append(littleEndian: UInt64(tokenizer?.lowerBound ?? 0))
    header.append(littleEndian: UInt64(tokenizer?.count ?? 0))
    header.append(zeros: 48)
    let name = metadata.sourceName.prefix(utf8Bytes: HeaderExtension.nameLength)
    header += name
    header.append(zeros: HeaderExtension.nameLength - name.count + 4)
    header.append(littleEndian: CRC32.checksum(header))
  }
}

extension String {
  /// The longest beginning of whole characters that fits.
  fileprivate func prefix(utf8Bytes limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in unicodeScalars {
      let encoded = UTF8.encode(scalar).map(Array.init) ?? []
      guard bytes.count + encoded.count <= limit else { break }
      bytes += encoded
    }
    return bytes
  }
}
