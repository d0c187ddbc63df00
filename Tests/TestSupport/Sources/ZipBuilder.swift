import ModelFile

/// Builds zip archives in memory as torch writes them, right ones and wrong ones.
package struct ZipBuilder {
  package struct Entry {
    package var name: String
    package var content: [UInt8]
    package var method: UInt16 = 0
    package var flags: UInt16 = 0
    /// Written in the local header instead of what the directory says.
    package var localName: String?
    package var localSize: UInt32?
    /// Written in the directory instead of the right values.
    package var centralSize: UInt32?
    package var centralOffset: UInt32?
    /// Written in both headers instead of the right checksum.
    package var checksum: UInt32?
    /// What the local header's extra field holds, usually padding.
    package var padding = 0

    package init(_ name: String, _ content: [UInt8]) {
      self.name = name
      self.content = content
    }
  }

  package var entries: [Entry]
  /// Written instead of the right count.
  package var count: UInt16?
  /// Written instead of the right place of the directory.
  package var directoryOffset: UInt32?
  /// Whether sizes and places stand in zip64 fields and records.
  package var isZip64 = false

  package init(_ entries: [Entry]) { self.entries = entries }

  /// The archive.
  package func bytes() -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(bytes.count)
      let size = UInt32(entry.content.count)
      let checksum = CRC32.checksum(entry.content)
      bytes += le(UInt32(0x0403_4B50)) + le(UInt16(20)) + le(entry.flags) + le(entry.method)
      bytes += [0, 0, 0, 0] + le(entry.checksum ?? checksum) + le(entry.localSize ?? size)
      bytes += le(entry.localSize ?? size)
      let name = entry.localName ?? entry.name
      bytes += le(UInt16(name.utf8.count)) + le(UInt16(entry.padding)) + Array(name.utf8)
      bytes += [UInt8](repeating: 0, count: entry.padding) + entry.content

      let wide = isZip64 ? UInt32.max : nil
      let place = entry.centralOffset ?? offset
      let fields =
        isZip64
        ? le(UInt16(1)) + le(UInt16(24)) + le(UInt64(size)) + le(UInt64(size)) + le(UInt64(place))
        : []
      directory += le(UInt32(0x0201_4B50)) + le(UInt16(20)) + le(UInt16(20)) + le(entry.flags)
      directory += le(entry.method) + [0, 0, 0, 0] + le(entry.checksum ?? checksum)
      directory += le(wide ?? entry.centralSize ?? size) + le(wide ?? entry.centralSize ?? size)
      directory += le(UInt16(entry.name.utf8.count)) + le(UInt16(fields.count)) + le(UInt16(0))
      directory += le(UInt16(0)) + le(UInt16(0)) + le(UInt32(0)) + le(wide ?? place)
      directory += Array(entry.name.utf8) + fields
    }
    let start = bytes.count
    bytes += directory
    if isZip64 {
      let record = bytes.count
      bytes += le(UInt32(0x0606_4B50)) + le(UInt64(44)) + le(UInt16(45)) + le(UInt16(45))
      bytes += le(UInt32(0)) + le(UInt32(0)) + le(UInt64(entries.count)) + le(UInt64(entries.count))
      bytes += le(UInt64(directory.count)) + le(UInt64(start))
      bytes += le(UInt32(0x0706_4B50)) + le(UInt32(0)) + le(UInt64(record)) + le(UInt32(1))
    }
    let total = count ?? (isZip64 ? UInt16.max : UInt16(entries.count))
    bytes += le(UInt32(0x0605_4B50)) + le(UInt32(0)) + le(total) + le(total)
    bytes += le(isZip64 ? UInt32.max : UInt32(directory.count))
    bytes += le(directoryOffset ?? (isZip64 ? UInt32.max : UInt32(start))) + le(UInt16(0))
    return bytes
  }
}
