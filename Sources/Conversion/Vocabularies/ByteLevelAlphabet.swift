/// GPT-2's way of writing any byte as a visible character: 256 characters, one for each byte.
///
/// Printable bytes of Latin-1 stand for themselves; the others are U+0100 and up, in order
/// (`bytes_to_unicode` of GPT-2's `encoder.py`).
enum ByteLevelAlphabet {
  private static let bytes: [Unicode.Scalar: UInt8] = {
    var bytes: [Unicode.Scalar: UInt8] = [:]
    var next: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff:
        bytes[Unicode.Scalar(byte)] = byte
      default:
        if let scalar = Unicode.Scalar(next) { bytes[scalar] = byte }
        next += 1
      }
    }
    return bytes
  }()

  private static let characters: [UInt8: [UInt8]] = Dictionary(
    bytes.compactMap { scalar, byte in UTF8.encode(scalar).map { (byte, Array($0)) } }
  ) { first, _ in first }

  /// Bytes written in the alphabet, as UTF-8.
  static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { characters[$0] ?? [] }
  }

  /// The bytes a piece stands for; `nil` when it is not written in the alphabet.
  static func decode(_ piece: some Collection<UInt8>) -> [UInt8]? {
    guard let text = String(validating: piece, as: UTF8.self) else { return nil }
    var decoded: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      decoded.append(byte)
    }
    return decoded
  }
}
