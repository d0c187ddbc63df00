import ModelFile

/// A safetensors file with its header checked: the table of tensors, no weight read yet.
///
/// Layout: u64 length of the header, the header as JSON, the tensors' bytes. As the reference
/// implementation (`safetensors/src/tensor.rs`) does, this refuses holes, overlaps and trailing bytes.
struct SafetensorsFile {
  private static let maxHeaderBytes = 100_000_000
  private static let maxTensors = 65_536

  let input: InputFile
  /// In file order.
  let tensors: [StoredTensor]

  /// Opens a file and checks everything up to the first weight.
  init(path: String) throws {
    input = try InputFile(path: path)
    let (header, dataStart) = try Self.header(input)
    guard let members = header.members else {
      throw input.damaged("its header is \(header.summary); expected a JSON object")
    }
    guard members.count <= Self.maxTensors else {
      throw input.damaged("has \(members.count) tensors; at most \(Self.maxTensors) are accepted")
    }
    var entries: [Entry] = []
    for (key, value) in members {
      if key == Array("__metadata__".utf8) {
        try Self.checkMetadata(value, input)
      } else {
        entries.append(try Entry(key, value, input))
      }
    }
    // Sorting by name first gives empty tensors, and so errors, an order.
    entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
    tensors = try Self.place(entries, dataStart: dataStart, input)
  }

  private static func header(_ input: InputFile) throws -> (JSONValue, dataStart: Int) {
    guard input.size >= 10 else {
      throw input.damaged("is \(input.size) bytes; too short for a safetensors file")
    }
    let length = try input.bytes(at: 0, count: 8).withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
    }
    guard let count = Int(exactly: length), (2...maxHeaderBytes).contains(count) else {
      throw input.damaged(
        "its header should have \(length) bytes; 2 to \(maxHeaderBytes) are accepted in safetensors"
      )
    }
    guard count <= input.size - 8 else {
      throw input.damaged(
        "cut short: its header takes \(count) bytes at byte 8, and the file ends at \(input.size)")
    }
    let text = try input.bytes(at: 8, count: count)
    guard text.first == UInt8(ascii: "{") else {
      throw input.damaged("its header does not begin with '{'; expected a safetensors file")
    }
    let values = maxTensors * 24
    return (try input.parsedJSON(text, maxDepth: 8, maxValues: values), 8 + count)
  }

  private static func checkMetadata(_ value: JSONValue, _ input: InputFile) throws {
    guard let members = value.members, members.values.allSatisfy({ $0.bytes != nil }) else {
      throw input.damaged("'__metadata__' is not an object of strings")
    }
  }

  /// A tensor as its header entry has it.
  private struct Entry {
    var name: String
    var type: String
    var shape: [Int]
    var begin: Int
    var end: Int

    init(_ key: [UInt8], _ value: JSONValue, _ input: InputFile) throws {
      guard !key.isEmpty, key.count <= 256, key.allSatisfy({ (0x21...0x7e).contains($0) }) else {
        throw input.damaged(
          "a tensor's name, \"\(String(decoding: key.prefix(80), as: UTF8.self))\", is empty, long or "
            + "not printable ASCII")
      }
      let name = String(decoding: key, as: UTF8.self)
      guard let members = value.members, members.count == 3, let type = value["dtype"]?.text,
        let dimensions = value["shape"]?.elements, let ends = value["data_offsets"]?.elements
      else {
        throw input.damaged(
          "tensor '\(name)' needs 'dtype', 'shape' and 'data_offsets', and nothing else")
      }
      let shape = dimensions.compactMap(\.int)
      let offsets = ends.compactMap(\.int)
      guard shape.count == dimensions.count, shape.count <= 8, shape.allSatisfy({ $0 >= 0 }) else {
        throw input.damaged("tensor '\(name)': 'shape' must be up to 8 whole numbers")
      }
      guard offsets.count == 2, ends.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
        throw input.damaged("tensor '\(name)': 'data_offsets' must be two ascending whole numbers")
      }
      (self.name, self.type, self.shape) = (name, type, shape)
      (begin, end) = (offsets[0], offsets[1])
    }
  }

  private static let types: [String: ElementType] = ["F32": .f32, "F16": .f16, "BF16": .bf16]
  /// Bytes an element of the other types, which no weight of a Llama model has.
  private static let otherTypes = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "I32": 4, "U32": 4,
    "F64": 8, "I64": 8, "U64": 8,
  ]

  /// Turns offsets into places in the file; each tensor must begin where the one before ended.
  private static func place(
    _ entries: [Entry], dataStart: Int, _ input: InputFile
  ) throws -> [StoredTensor] {
    var expected = 0
    var tensors: [StoredTensor] = []
    for entry in entries {
      guard entry.begin == expected else {
        throw input.damaged(
          "tensor '\(entry.name)' begins at offset \(entry.begin); expected \(expected), where the "
            + "tensor before it ended")
      }
      guard let size = types[entry.type]?.blockBytes ?? otherTypes[entry.type] else {
        throw input.damaged(
          "tensor '\(entry.name)' is of type \(entry.type); F32, F16 and BF16 can be read")
      }
      let isEmpty = entry.shape.contains(0)
      let sizes = isEmpty ? (0, 0, 0) : TensorSize.of(entry.shape, elementBytes: size)
      guard let (rows, columns, byteCount) = sizes, byteCount == entry.end - entry.begin else {
        throw input.damaged(
          "tensor '\(entry.name)' of type \(entry.type) and shape \(entry.shape) does not take the "
            + "\(entry.end - entry.begin) bytes its offsets say")
      }
      guard entry.end <= input.size - dataStart else {
        throw input.damaged(
          "cut short: tensor '\(entry.name)' ends at byte \(SizeText.grouped(dataStart + expected)) "
            + "and \(SizeText.bytes(byteCount)), the file at \(SizeText.grouped(input.size))")
      }
      expected = entry.end
      if let type = types[entry.type], !isEmpty {
        tensors.append(
          StoredTensor(
            name: entry.name, file: input, offset: dataStart + entry.begin, rows: rows,
            columns: columns, encoding: .blocks(type)))
      } else if !entry.name.hasSuffix(".inv_freq") {
        throw input.damaged(
          "tensor '\(entry.name)' is of type \(entry.type) and shape \(entry.shape); only weights of "
            + "F32, F16 and BF16 can be read")
      }
    }
    guard dataStart + expected == input.size else {
      throw input.damaged(
        "has \(SizeText.grouped(input.size - dataStart - expected)) bytes after its last tensor; a "
          + "safetensors file has none")
    }
    return tensors
  }
}
