import ModelFile
import Testing

@Suite("Bytes")
struct ByteTests {
  @Test func numbersComeBack() throws {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt16(0x0102))
    bytes.append(littleEndian: Int32(-2))
    bytes.append(littleEndian: UInt64.max - 1)
    bytes.append(float: -1.5)
    bytes.append(7)
    bytes.pad(toMultipleOf: 8)
    #expect(bytes.count == 24)
    #expect(bytes.prefix(6) == [2, 1, 0xFE, 0xFF, 0xFF, 0xFF])
    bytes.pad(toMultipleOf: 8)
    #expect(bytes.count == 24)
    try bytes.withUnsafeBytes { view in
      var reader = ByteReader(view)
      let short = try reader.read(UInt16.self, "short")
      let int = try reader.read(Int32.self, "int")
      let long = try reader.read(UInt64.self, "long")
      let float = try reader.readFloat("float")
      let byte = try reader.read(count: 1, "byte")
      #expect((short, int, long, float) == (0x0102, -2, .max - 1, -1.5))
      #expect(byte.elementsEqual([7]))
      #expect((reader.offset, reader.remaining) == (19, 5))
    }
  }

  @Test func shortDataIsNamed() throws {
    try [UInt8](repeating: 0, count: 5).withUnsafeBytes { view in
      var reader = ByteReader(view, path: "x.bin")
      _ = try reader.read(UInt16.self, "first")
      let error = try #require(throws: ModelFileError.self) {
        try reader.read(UInt32.self, "piece length")
      }
      #expect(error.description == "x.bin: piece length at byte 2 needs 4 bytes; 3 are left")
      #expect(reader.offset == 2)
      for count in [-1, 4, Int.max] {
        #expect(throws: ModelFileError.self) { try reader.read(count: count, "text") }
      }
      for offset in [-1, 6, Int.min] {
        #expect(throws: ModelFileError.self) { try reader.seek(to: offset, "table") }
      }
      try reader.seek(to: 5, "end")
      #expect(reader.remaining == 0)
    }
  }

  @Test func checksumIsZlibs() {
    #expect(CRC32.checksum([]) == 0)
    #expect(CRC32.checksum("123456789".utf8) == 0xCBF4_3926)
    var crc = CRC32()
    crc.update("1234".utf8)
    crc.update("56789".utf8)
    #expect(crc.value == 0xCBF4_3926)
  }

  @Test(arguments: [
    (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_990_000, "10 MB"),
    (143_025_664, "143 MB"), (999_600_000, "1.0 GB"), (7_160_348_928, "7.2 GB"),
    (26_955_759_644, "27 GB"),
  ])
  func sizesAreReadable(count: Int, text: String) {
    #expect(SizeText.bytes(count) == text)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"),
    (.min, "-9,223,372,036,854,775,808"),
  ])
  func digitsAreGrouped(number: Int, text: String) {
    #expect(SizeText.grouped(number) == text)
  }
}
