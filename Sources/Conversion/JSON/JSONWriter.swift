/// JSON text, members in the order given.
enum JSONWriter {
  /// A string in quotes, with escapes where JSON needs them.
  static func string(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = [0x22]
    for byte in bytes {
      switch byte {
      case 0x22, 0x5C: text += [0x5C, byte]
      case 0x0A: text += Array("\\n".utf8)
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        text += Array("\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8)
      default: text.append(byte)
      }
    }
    text.append(0x22)
    return text
  }

  /// A string in quotes.
  static func string(_ text: String) -> String {
    String(decoding: string(text.utf8), as: UTF8.self)
  }

  /// An object of members whose values are JSON already, one a line.
  static func object(_ members: [(key: String, value: String)]) -> String {
    let lines = members.map { "  \(string($0.key)): \($0.value)" }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }
}
