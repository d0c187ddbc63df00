import ModelFile

/// A GGUF file with its header checked: metadata and the table of tensors, no weight read yet.
///
/// Layout: `docs/gguf.md` of ggml. Versions 2 and 3, little-endian. What `llama.cpp` refuses is refused.
struct GGUFFile {
  private static let maxTensors = 65_536
  private static let maxMetadata = 65_536
  private static let maxNameBytes = 63
  private static let maxAlignment = 4096

  let input: InputFile
  let metadata: GGUFMetadata
  /// In file order.
  let tensors: [StoredTensor]

  /// Opens a file and checks everything up to the first weight.
  init(path: String) throws {
    input = try InputFile(path: path)
    var reader = GGUFReader(input)
    try Self.checkVersion(reading: &reader)
    let tensorCount = try reader.count("number of tensors", limit: Self.maxTensors)
    let metadataCount = try reader.count("number of metadata pairs", limit: Self.maxMetadata)
    metadata = try GGUFMetadata(reading: &reader, count: metadataCount)
    let infos = try (0..<tensorCount).map { try TensorInfo(reading: &reader, index: $0) }
    tensors = try Self.place(
      infos, alignment: try Self.alignment(metadata, input), headerEnd: reader.offset, input)
  }

  private static func checkVersion(reading reader: inout GGUFReader) throws {
    let input = reader.input
    guard input.size >= 24 else {
      throw input.damaged("is \(input.size) bytes; too short for a GGUF file")
    }
    let magic = try reader.integer("magic number", as: UInt32.self)
    guard magic == UInt32(littleEndian: 0x4655_4747) else {
      throw input.damaged("does not begin with 'GGUF'; expected a GGUF file")
    }
    let version = try reader.integer("version", as: UInt32.self)
    guard version != 2, version != 3 else { return }
    if version.byteSwapped <= 3 {
      throw input.damaged("is a big-endian GGUF file; only little-endian ones can be read")
    }
    throw input.damaged(
      "has GGUF version \(version); versions 2 and 3 can be read"
        + (version == 1 ? "; make the file anew with a current llama.cpp" : ""))
  }

  /// The boundary tensors start on, in bytes.
  private static func alignment(_ metadata: GGUFMetadata, _ input: InputFile) throws -> Int {
    let alignment = Int(try metadata.uint32("general.alignment") ?? 32)
    guard (1...maxAlignment).contains(alignment), alignment & (alignment - 1) == 0 else {
      throw input.damaged(
        "general.alignment is \(alignment); expected a power of two up to \(maxAlignment)")
    }
    return alignment
  }

  /// A tensor as its table entry has it.
  private struct TensorInfo {
    var name: String
    var type: ElementType
    var rows: Int
    var columns: Int
    var byteCount: Int
    var offset: UInt64

    init(reading reader: inout GGUFReader, index: Int) throws {
      let name = try reader.name("name of tensor \(index)", limit: GGUFFile.maxNameBytes)
      let dimensions = try reader.integer("'\(name)'", as: UInt32.self)
      guard (1...4).contains(dimensions) else {
        throw reader.input.damaged("tensor '\(name)' has \(dimensions) dimensions; expected 1 to 4")
      }
      let shape = try (0..<dimensions).map { _ in try reader.integer("'\(name)'", as: UInt64.self) }
      let number = try reader.integer("'\(name)'", as: UInt32.self)
      guard let type = ElementType(rawValue: number) else {
        throw reader.input.damaged(
          "tensor '\(name)' is \(ElementType.name(ofTypeNumber: number)), which cannot be read; "
            + "use a file of types \(ElementType.supportedNames)")
      }
      self.name = name
      self.type = type
      (rows, columns, byteCount) = try Self.sizes(shape, type, name, reader.input)
      offset = try reader.integer("'\(name)'", as: UInt64.self)
    }

    private static func sizes(
      _ shape: [UInt64], _ type: ElementType, _ name: String, _ input: InputFile
    ) throws -> (rows: Int, columns: Int, byteCount: Int) {
      let text = shape.map(String.init).joined(separator: " x ")
      guard !shape.contains(0) else {
        throw input.damaged("tensor '\(name)' has shape \(text); a dimension must not be zero")
      }
      let tooLarge = input.damaged("tensor '\(name)' has shape \(text), which is impossibly large")
      let sizes = shape.compactMap { Int(exactly: $0) }
      guard sizes.count == shape.count, let columns = sizes.first,
        let rows = sizes.dropFirst().reduce(1, { product($0, $1) })
      else { throw tooLarge }
      guard columns % type.blockSize == 0 else {
        throw input.damaged(
          "tensor '\(name)' has rows of \(columns) values, "
            + "not a multiple of \(type.name)'s blocks of \(type.blockSize)")
      }
      let rowBytes = product(columns / type.blockSize, type.blockBytes)
      guard let byteCount = product(rowBytes, rows), product(rows, columns) != nil else {
        throw tooLarge
      }
      return (rows, columns, byteCount)
    }

    private static func product(_ a: Int?, _ b: Int?) -> Int? {
      guard let a, let b else { return nil }
      let (product, overflow) = a.multipliedReportingOverflow(by: b)
      return overflow ? nil : product
    }
  }

  /// Turns offsets into places in the file.
  ///
  /// Tensors must follow one another without gap or overlap, each on the alignment, as `llama.cpp`
  /// writes and requires.
  private static func place(
    _ infos: [TensorInfo], alignment: Int, headerEnd: Int, _ input: InputFile
  ) throws -> [StoredTensor] {
    func aligned(_ offset: Int) -> Int { (offset + alignment - 1) & ~(alignment - 1) }
    let dataStart = aligned(headerEnd)
    var names = Set<String>()
    var expected = 0
    return try infos.map { info in
      guard names.insert(info.name).inserted else {
        throw input.damaged("tensor '\(info.name)' occurs twice")
      }
      guard info.offset == UInt64(expected) else {
        throw input.damaged(
          "tensor '\(info.name)' is at offset \(info.offset); expected \(expected), "
            + "after the tensor before it on a boundary of \(alignment) bytes")
      }
      // `expected` never passes the end of the file, so only the size can overflow.
      let (end, overflow) = (dataStart + expected).addingReportingOverflow(info.byteCount)
      guard !overflow, end <= input.size else {
        throw input.damaged(
          "cut short: tensor '\(info.name)' takes \(info.byteCount) bytes at byte "
            + "\(dataStart + expected), and the file ends at \(input.size)")
      }
      let offset = dataStart + expected
      expected = aligned(expected + info.byteCount)
      return StoredTensor(
        name: info.name, file: input, offset: offset, rows: info.rows, columns: info.columns,
        encoding: .blocks(info.type))
    }
  }
}
