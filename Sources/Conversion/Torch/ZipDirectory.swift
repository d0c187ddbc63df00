import ModelFile

/// The entries of a zip archive as torch writes them: stored, not compressed.
///
/// Whatever two readers could understand differently is refused: compression, encryption, headers that
/// contradict each other, entries that overlap, names that occur twice. Layout: PKWARE's APPNOTE.
struct ZipDirectory {
  /// A stored file inside the archive.
  struct Entry: Hashable {
    var name: String
    /// First byte of the content in the archive.
    var offset: Int
    /// Bytes of the content.
    var size: Int
    var checksum: UInt32
  }

  private static let maxEntries = 100_000
  private static let maxDirectoryBytes = 64 << 20

  let input: InputFile
  /// In the directory's order.
  let entries: [Entry]

  init(_ input: InputFile) throws {
    self.input = input
    let place = try Self.place(input)
    let bytes = try input.bytes(at: place.offset, count: place.size)
    let headers = try bytes.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, path: input.path)
      let headers = try (0..<place.count).map { try CentralHeader(&reader, $0, input) }
      guard reader.remaining == 0 else {
        throw input.damaged("zip directory: \(reader.remaining) bytes follow its last entry")
      }
      return headers
    }
    entries = try headers.map { try $0.entry(in: input, end: place.offset) }
    try checkNames()
    try checkOverlaps(headers)
  }

  private func checkNames() throws {
    var names = Set<String>()
    for entry in entries where !names.insert(entry.name).inserted {
      throw input.damaged("zip directory: '\(entry.name)' occurs twice")
    }
  }

  /// From each local header to the end of its content, entries must not share bytes.
  private func checkOverlaps(_ headers: [CentralHeader]) throws {
    let spans = zip(headers, entries)
      .map { (start: $0.localOffset, end: $1.offset + $1.size, name: $1.name) }
      .sorted { ($0.start, $0.end) < ($1.start, $1.end) }
    for (one, next) in zip(spans, spans.dropFirst()) where next.start < one.end {
      throw input.damaged("zip entries '\(one.name)' and '\(next.name)' overlap")
    }
  }

  // MARK: - Where the directory is

  private static func place(
    _ input: InputFile
  ) throws -> (offset: Int, size: Int, count: Int) {
    let endSize = 22
    guard input.size >= endSize else {
      throw input.damaged("is \(input.size) bytes; too short for a zip archive")
    }
    // The comment after the record has up to 65535 bytes.
    let tailSize = min(input.size, endSize + 65_535)
    let tail = try input.bytes(at: input.size - tailSize, count: tailSize)
    let signature: [UInt8] = [0x50, 0x4B, 5, 6]
    guard
      let start = stride(from: tailSize - endSize, through: 0, by: -1).first(where: {
        tail[$0...].starts(with: signature)
      })
    else {
      throw input.damaged("has no zip directory at its end; cut short, or not a zip archive")
    }
    let record = try tail[start...].withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, path: input.path)
      try reader.seek(to: 4, "zip end record")
      let disks = try reader.read(UInt32.self, "disk numbers")
      let here = Int(try reader.read(UInt16.self, "entries on this disk"))
      let count = Int(try reader.read(UInt16.self, "entries"))
      let size = Int(try reader.read(UInt32.self, "directory size"))
      let offset = Int(try reader.read(UInt32.self, "directory offset"))
      let comment = Int(try reader.read(UInt16.self, "comment length"))
      guard disks == 0, here == count, comment == reader.remaining else {
        throw input.damaged("zip end record: disks, counts or comment do not agree")
      }
      return (offset: offset, size: size, count: count)
    }
    var place = record
    let recordOffset = input.size - tailSize + start
    if record.count == 0xFFFF || record.size == 0xFFFF_FFFF || record.offset == 0xFFFF_FFFF {
      place = try place64(input, endRecord: recordOffset)
    }
    guard place.count <= maxEntries, place.size <= maxDirectoryBytes,
      place.offset <= recordOffset, place.size <= recordOffset - place.offset
    else {
      throw input.damaged(
        "zip directory: \(place.count) entries in \(place.size) bytes at byte \(place.offset) cannot "
          + "be there")
    }
    return place
  }

  /// The same of archives with more than 4 GB or 65535 entries.
  private static func place64(
    _ input: InputFile, endRecord: Int
  ) throws -> (offset: Int, size: Int, count: Int) {
    func broken(_ what: String) -> ConversionError { input.damaged("zip64 end record: \(what)") }
    let locatorSize = 20
    guard endRecord >= locatorSize else { throw broken("has no locator") }
    let locator = try input.bytes(at: endRecord - locatorSize, count: locatorSize)
    let found = try locator.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, path: input.path)
      let signature = try reader.read(UInt32.self, "zip64 locator")
      let disk = try reader.read(UInt32.self, "zip64 locator")
      let offset = try reader.read(UInt64.self, "zip64 locator")
      let disks = try reader.read(UInt32.self, "zip64 locator")
      guard signature == 0x0706_4B50, disk == 0, disks <= 1 else { throw broken("has no locator") }
      return offset
    }
    let recordSize = 56
    guard let offset = Int(exactly: found), offset <= endRecord - locatorSize - recordSize else {
      throw broken("is said to be at byte \(found)")
    }
    return try input.bytes(at: offset, count: recordSize).withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, path: input.path)
      guard try reader.read(UInt32.self, "signature") == 0x0606_4B50 else {
        throw broken("is not at byte \(offset)")
      }
      try reader.seek(to: 24, "entries")
      let here = try reader.read(UInt64.self, "entries on this disk")
      let numbers = [
        try reader.read(UInt64.self, "entries"), try reader.read(UInt64.self, "directory size"),
        try reader.read(UInt64.self, "directory offset"),
      ]
      let exact = numbers.compactMap { Int(exactly: $0) }
      guard exact.count == 3, here == numbers[0] else { throw broken("its numbers do not agree") }
      return (offset: exact[2], size: exact[1], count: exact[0])
    }
  }
}

/// An entry as the archive's directory has it.
private struct CentralHeader {
  var name: String
  var flags: UInt16
  var method: UInt16
  var checksum: UInt32
  var compressed: UInt64
  var uncompressed: UInt64
  var localOffset: Int

  init(_ reader: inout ByteReader, _ index: Int, _ input: InputFile) throws {
    let what = "zip directory, entry \(index)"
    guard try reader.read(UInt32.self, what) == 0x0201_4B50 else {
      throw input.damaged("\(what): has no signature")
    }
    try reader.seek(to: reader.offset + 4, what)
    flags = try reader.read(UInt16.self, what)
    method = try reader.read(UInt16.self, what)
    try reader.seek(to: reader.offset + 4, what)
    checksum = try reader.read(UInt32.self, what)
    compressed = UInt64(try reader.read(UInt32.self, what))
    uncompressed = UInt64(try reader.read(UInt32.self, what))
    let nameLength = Int(try reader.read(UInt16.self, what))
    let extraLength = Int(try reader.read(UInt16.self, what))
    let commentLength = Int(try reader.read(UInt16.self, what))
    let disk = try reader.read(UInt16.self, what)
    try reader.seek(to: reader.offset + 6, what)
    var offset = UInt64(try reader.read(UInt32.self, what))
    let nameBytes = try reader.read(count: nameLength, what)
    guard !nameBytes.isEmpty, nameBytes.allSatisfy({ 0x20...0x7E ~= $0 }), disk == 0 else {
      throw input.damaged(
        "\(what): its name is empty or not printable ASCII, or it is on another disk")
    }
    name = String(decoding: nameBytes, as: UTF8.self)
    let extra = try reader.read(count: extraLength, what)
    try Self.widen(
      extra, &uncompressed, &compressed, &offset, input, "zip directory, '\(name)'")
    _ = try reader.read(count: commentLength, what)
    guard let local = Int(exactly: offset) else {
      throw input.damaged("zip directory, '\(name)': is said to be at byte \(offset)")
    }
    localOffset = local
  }

  /// Takes the 64-bit numbers of the zip64 field for those that say they are there.
  private static func widen(
    _ extra: UnsafeRawBufferPointer, _ uncompressed: inout UInt64, _ compressed: inout UInt64,
    _ offset: inout UInt64, _ input: InputFile, _ what: String
  ) throws {
    var reader = ByteReader(extra, path: input.path)
    while reader.remaining >= 4 {
      let tag = try reader.read(UInt16.self, what)
      let size = Int(try reader.read(UInt16.self, what))
      var field = ByteReader(try reader.read(count: size, what), path: input.path)
      guard tag == 1 else { continue }
      if uncompressed == 0xFFFF_FFFF { uncompressed = try field.read(UInt64.self, what) }
      if compressed == 0xFFFF_FFFF { compressed = try field.read(UInt64.self, what) }
      if offset == 0xFFFF_FFFF { offset = try field.read(UInt64.self, what) }
    }
  }

  /// Where the content is, after comparing with the entry's own header.
  ///
  /// - Parameter end: Where the directory begins, which no content passes.
  func entry(in input: InputFile, end: Int) throws -> ZipDirectory.Entry {
    func refused(_ reason: String) -> ConversionError {
      input.damaged("zip entry '\(name)' \(reason)")
    }
    guard flags & 1 == 0 else { throw refused("is encrypted") }
    guard method == 0, compressed == uncompressed else {
      throw refused("is compressed; torch stores its entries, save the file again with torch")
    }
    let headerSize = 30
    guard localOffset <= end - headerSize else {
      throw refused("is said to be at byte \(localOffset)")
    }
    let header = try input.bytes(at: localOffset, count: headerSize)
    let (nameLength, extraLength) = try header.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes, path: input.path)
      let signature = try reader.read(UInt32.self, "zip entry")
      try reader.seek(to: 6, "zip entry")
      let localFlags = try reader.read(UInt16.self, "zip entry")
      let localMethod = try reader.read(UInt16.self, "zip entry")
      try reader.seek(to: 14, "zip entry")
      let localChecksum = try reader.read(UInt32.self, "zip entry")
      let sizes = [
        try reader.read(UInt32.self, "zip entry"), try reader.read(UInt32.self, "zip entry"),
      ]
      // With bit 3 the numbers follow the content, and stand as zero here.
      let isLater = localFlags & 8 != 0
      let agrees =
        signature == 0x0403_4B50 && localMethod == method && localFlags == flags
        && (localChecksum == checksum || isLater && localChecksum == 0)
        && sizes.allSatisfy {
          UInt64($0) == uncompressed || $0 == 0xFFFF_FFFF || isLater && $0 == 0
        }
      guard agrees else { throw refused("has a header of its own that says something else") }
      return (
        Int(try reader.read(UInt16.self, "zip entry")),
        Int(try reader.read(UInt16.self, "zip entry"))
      )
    }
    let start = localOffset + headerSize + nameLength + extraLength
    guard let size = Int(exactly: uncompressed), start <= end, size <= end - start else {
      throw refused("takes \(uncompressed) bytes at byte \(start), past the archive's directory")
    }
    guard try input.bytes(at: localOffset + headerSize, count: nameLength).elementsEqual(name.utf8)
    else { throw refused("has another name in its own header") }
    return ZipDirectory.Entry(name: name, offset: start, size: size, checksum: checksum)
  }
}
