/// Builds GGUF files in memory, right ones and wrong ones.
package struct GGUFBuilder {
  package struct Tensor {
    package var name: String
    package var dimensions: [UInt64]
    package var type: UInt32
    package var data: [UInt8]
    /// Written instead of the right offset.
    package var offset: UInt64?
  }

  package var magic = Array("GGUF".utf8)
  package var version: UInt32 = 3
  /// Written instead of the right counts.
  package var tensorCount: UInt64?
  package var metadataCount: UInt64?
  package var alignment = 32
  /// Key, and value with its type number in front.
  package var metadata: [(key: String, value: [UInt8])] = []
  package var tensors: [Tensor] = []

  /// The type number of fp32 tensors.
  private static let f32: UInt32 = 0

  /// An empty file of version 3.
  package init() {}

  // MARK: - Metadata

  package mutating func remove(_ key: String) { metadata.removeAll { $0.key == key } }

  /// Sets a value given as its bytes, type number included.
  package mutating func set(_ key: String, raw: [UInt8]) {
    if let index = metadata.firstIndex(where: { $0.key == key }) {
      metadata[index].value = raw
    } else {
      metadata.append((key, raw))
    }
  }

  package mutating func set(_ key: String, uint32 value: UInt32) {
    set(key, raw: le(UInt32(4)) + le(value))
  }
  package mutating func set(_ key: String, uint16 value: UInt16) {
    set(key, raw: le(UInt32(2)) + le(value))
  }
  package mutating func set(_ key: String, float value: Float) {
    set(key, raw: le(UInt32(6)) + le(value.bitPattern))
  }
  package mutating func set(_ key: String, bool value: Bool) {
    set(key, raw: le(UInt32(7)) + [value ? 1 : 0])
  }
  package mutating func set(_ key: String, string value: String) {
    set(key, raw: le(UInt32(8)) + text(value))
  }
  package mutating func set(_ key: String, strings: [String]) {
    set(key, raw: arrayHeader(8, strings.count) + strings.flatMap(text))
  }
  package mutating func set(_ key: String, floats: [Float]) {
    set(key, raw: arrayHeader(6, floats.count) + floats.flatMap { le($0.bitPattern) })
  }
  package mutating func set(_ key: String, int32s: [Int32]) {
    set(key, raw: arrayHeader(5, int32s.count) + int32s.flatMap(le))
  }

  private func arrayHeader(_ type: UInt32, _ count: Int) -> [UInt8] {
    le(UInt32(9)) + le(type) + le(UInt64(count))
  }

  // MARK: - Tensors

  package mutating func remove(tensor name: String) { tensors.removeAll { $0.name == name } }

  /// Changes the tensor of a name.
  package mutating func change(_ name: String, _ body: (inout Tensor) -> Void) {
    for index in tensors.indices where tensors[index].name == name { body(&tensors[index]) }
  }

  /// Adds a tensor of floats.
  package mutating func add(_ name: String, rows: Int? = nil, columns: Int, values: [Float]) {
    let dimensions = [UInt64(columns)] + (rows.map { [UInt64($0)] } ?? [])
    tensors.append(
      Tensor(
        name: name, dimensions: dimensions, type: Self.f32,
        data: values.flatMap { le($0.bitPattern) }))
  }

  // MARK: - Bytes

  /// Everything before the tensors' data.
  package func header() -> [UInt8] {
    var bytes = magic + le(version)
    bytes += le(tensorCount ?? UInt64(tensors.count))
    bytes += le(metadataCount ?? UInt64(metadata.count))
    for (key, value) in metadata { bytes += text(key) + value }
    var offset = 0
    for tensor in tensors {
      bytes += text(tensor.name) + le(UInt32(tensor.dimensions.count))
      bytes += tensor.dimensions.flatMap(le) + le(tensor.type)
      bytes += le(tensor.offset ?? UInt64(offset))
      offset += padded(tensor.data.count)
    }
    return bytes
  }

  /// The whole file.
  package func bytes() -> [UInt8] {
    var bytes = header()
    for tensor in tensors {
      bytes += [UInt8](repeating: 0, count: padded(bytes.count) - bytes.count)
      bytes += tensor.data
    }
    return bytes
  }

  private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

/// The little-endian bytes of an integer.
package func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// A GGUF string: its length in 64 bits, and its bytes.
package func text(_ string: String) -> [UInt8] {
  le(UInt64(string.utf8.count)) + Array(string.utf8)
}
