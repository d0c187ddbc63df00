import CKernels
import ModelFile
import Tokenization

/// A ``KVCache``'s used positions in a file, so that what was read need not be read again.
///
/// Little-endian: `LCK1`, u32 version, u64 size of the file, 24 bytes that tell the model, u32 KV type
/// (its lowest byte; the others are 0 unless a device computed them with digits of its own),
/// layers, KV heads, head size and tokens; i32 token ids, zeros up to a multiple of 64; then by layer and
/// head the keys (in whole blocks of positions), the values, and the scales of both where there are any;
/// CRC-32 of all before.
package enum KVFile {
  /// Bytes that tell one model from another.
  package static let keyLength = 24
  static let magic = Array("LCK1".utf8)
  static let version: UInt32 = 1
  static let headerLength = 60

  /// Bytes the file of a cache will have.
  package static func byteCount(of cache: KVCache) -> Int {
    prefixLength(tokens: cache.count) + cache.rowBytes(cache.count) + 4
  }

  /// Header and token ids, with their padding.
  static func prefixLength(tokens: Int) -> Int { (headerLength + tokens * 4 + 63) / 64 * 64 }

  /// Writes a cache's used positions; the file appears under its name only when it is complete.
  ///
  /// - Parameters:
  ///   - key: What tells the model, ``keyLength`` bytes.
  ///   - interrupt: Ends it with nothing written.
  /// - Throws: `ModelFileError`, ``Interrupted``.
  package static func write(
    _ cache: KVCache, key: [UInt8], to path: String, interrupt: InterruptFlag? = nil
  ) throws {
    precondition(key.count == keyLength, "a key is \(keyLength) bytes")
    let size = byteCount(of: cache)
    let file = try OutputFile(path: path, size: size, isPrivate: true)
    var crc = CRC32()
    let shape = cache.shape
    var prefix = magic
    prefix.append(littleEndian: version)
    prefix.append(littleEndian: UInt64(size))
    prefix += key
    for value in [shape.type, shape.layers, shape.kvHeads, shape.headSize, cache.count] {
      prefix.append(littleEndian: UInt32(value))
    }
    for token in cache.tokens { prefix.append(littleEndian: token) }
    prefix.pad(toMultipleOf: 64)
    crc.update(prefix)
    try file.append(prefix)
    for plane in cache.planes(holding: cache.count) {
      if interrupt?.isRaised == true { throw Interrupted() }
      try cache.memory.read(plane) { bytes in
        crc.update(bytes)
        try file.append(bytes)
      }
    }
    var end: [UInt8] = []
    end.append(littleEndian: crc.value)
    try file.append(end)
    try file.commit()
  }

  /// Fills a cache from a file.
  ///
  /// What does not belong to this model, KV type and shape is refused with the cache as it was; a file that
  /// turns out to be damaged leaves it empty.
  ///
  /// - Throws: `ModelFileError`, ``Interrupted``.
  package static func read(
    into cache: KVCache, key: [UInt8], from path: String, interrupt: InterruptFlag? = nil
  ) throws {
    let file = try SequentialReader(path: path)
    let tokens = try readPrefix(of: file, for: cache, key: key)
    cache.truncate(to: 0)
    for plane in cache.planes(holding: tokens.count) {
      if interrupt?.isRaised == true { throw Interrupted() }
      try cache.memory.write(plane) { try file.read(into: $0) }
    }
    let found = file.checksum
    let stored = try UInt32(littleEndianBytes: file.read(count: 4))
    guard stored == found else {
      throw ModelFileError(
        "checksum is \(hexadecimal(stored)), its content has \(hexadecimal(found));"
          + " the file is damaged", path: path)
    }
    cache.append(tokens)
  }

  /// Checks everything before the rows.
  private static func readPrefix(
    of file: SequentialReader, for cache: KVCache, key: [UInt8]
  ) throws(ModelFileError) -> [TokenID] {
    let path = file.path
    func refusal(_ reason: String) -> ModelFileError { ModelFileError(reason, path: path) }
    guard file.size >= headerLength else {
      throw refusal("is \(file.size) bytes; too short for keys and values")
    }
    guard try file.read(count: 4) == magic else {
      throw refusal("does not begin with \"LCK1\"; expected keys and values saved by :save --kv")
    }
    let version = try UInt32(littleEndianBytes: file.read(count: 4))
    guard version == Self.version else {
      throw refusal("version is \(version); this program knows \(Self.version)")
    }
    let size = try UInt64(littleEndianBytes: file.read(count: 8))
    guard size == UInt64(file.size) else {
      throw refusal("is \(SizeText.grouped(file.size)) bytes; its header says \(size)")
    }
    guard try file.read(count: keyLength) == key else {
      throw refusal("keys and values are of another model")
    }
    let shape = cache.shape
    let expected = [shape.type, shape.layers, shape.kvHeads, shape.headSize]
    for (name, value) in zip(["KV type", "layers", "KV heads", "head size"], expected) {
      let found = try UInt32(littleEndianBytes: file.read(count: 4))
      // Above the type's own byte.
      guard name != "KV type" || found >> 8 == UInt32(value) >> 8 else {
        throw refusal("keys and values are of a device that computes other digits")
      }
      guard found == UInt32(value) else {
        throw refusal("\(name) is \(found); this chat has \(value)")
      }
    }
    let count = try UInt32(littleEndianBytes: file.read(count: 4))
    guard count <= cache.capacity else {
      throw refusal("holds \(count) tokens; the context has \(cache.capacity)")
    }
    let complete = prefixLength(tokens: Int(count)) + cache.rowBytes(Int(count)) + 4
    guard file.size == complete else {
      throw refusal(
        "is \(SizeText.grouped(file.size)) bytes; \(count) tokens take"
          + " \(SizeText.grouped(complete))")
    }
    let ids = try file.read(count: Int(count) * 4)
    let tokens = stride(from: 0, to: ids.count, by: 4).map {
      TokenID(littleEndianBytes: ids[$0..<$0 + 4])
    }
    _ = try file.read(count: prefixLength(tokens: tokens.count) - headerLength - ids.count)
    return tokens
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    "0x" + String(value, radix: 16)
  }
}

extension FixedWidthInteger {
  /// The number whose bytes these are, least significant first.
  fileprivate init(littleEndianBytes bytes: some Collection<UInt8>) {
    self = 0
    for (index, byte) in bytes.enumerated() {
      self |= Self(truncatingIfNeeded: byte) << (8 * index)
    }
  }
}
