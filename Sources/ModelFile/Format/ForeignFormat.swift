/// Files that are often given for a model, known by their first bytes.
package enum ForeignFormat {
  /// Says what the file is and what to do, or `nil` when it may be a model.
  package static func describe(_ bytes: UnsafeRawBufferPointer) -> String? {
    if let known = signatures.first(where: { bytes.starts(with: $0.prefix) }) {
      return known.text
    }
    if isSafetensors(bytes) {
      return "is a safetensors file; convert its directory with `llama-chat convert`"
    }
    // A v0 file begins with its width, at most 65536, so its third byte is 0 or 1; text and pickle
    // opcodes are larger.
    guard bytes.count >= 4, bytes[2] > 1 else { return nil }
    switch (bytes[0], bytes[1]) {
    case (0x80, 2...5):
      return "is an old Python pickle; save it again with torch 1.6 or later"
    case (UInt8(ascii: "<"), UInt8(ascii: "!")), (UInt8(ascii: "<"), UInt8(ascii: "?")),
      (UInt8(ascii: "<"), UInt8(ascii: "A")...UInt8(ascii: "z")):
      return "is an HTML or XML page, not a model; download the file itself"
    default:
      return nil
    }
  }

  private static let convert = "convert it with `llama-chat convert`"

  private static let signatures: [(prefix: [UInt8], text: String)] = [
    (Array("GGUF".utf8), "is a GGUF file; " + convert),
    (Array("PK\u{3}\u{4}".utf8), "is a zip archive, perhaps a torch checkpoint; " + convert),
    ([0x1F, 0x8B, 8], "is gzip-compressed; decompress it first"),
    (
      Array("version https://git-lfs".utf8),
      "is a git-lfs pointer, not the file itself; fetch it with `git lfs pull`"
    ),
  ]

  /// An 8-byte length below 100 MB, then JSON.
  private static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 9, bytes[8] == UInt8(ascii: "{") else { return false }
    return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= 100_000_000
  }
}
