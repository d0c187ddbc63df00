/// Text from outside, made safe to show on a terminal.
///
/// A model can write escape sequences (one token of the Llama-2 vocabulary is ESC alone), and so can a
/// file's name or metadata. Shown as they are they could move the cursor, rewrite the title, or fill the
/// clipboard.
public enum TerminalText {
  /// The text with everything a terminal might obey made visible.
  ///
  /// - C0 controls except newline and tab, and DEL, become control pictures: ESC is `␛`, CR is `␍`.
  /// - C1 controls, bidirectional controls (U+202A…202E, U+2066…2069) and the line and paragraph
  ///   separators become `\u{9b}`.
  ///
  /// Works code point by code point, so a text may come in any pieces that hold whole code points.
  public static func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isUnsafe(scalar) {
        scalars.append(contentsOf: picture(of: scalar).unicodeScalars)
      } else {
        scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// Bytes on one line between quotes, with what is not text shown as `\n`, `\t`, `\xNN`.
  package static func quoted(_ bytes: [UInt8]) -> String {
    // Nearly all are text without anything to escape.
    if bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }),
      let text = String(validating: bytes, as: UTF8.self)
    {
      return "\"\(visible(text))\""
    }
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      // The shortest prefix that is a whole code point; an incomplete or wrong byte stands alone.
      let length = (1...4).first { length in
        length <= rest.count && String(validating: rest.prefix(length), as: UTF8.self) != nil
      }
      if let length, let piece = String(validating: rest.prefix(length), as: UTF8.self) {
        text += escaped(piece)
        rest = rest.dropFirst(length)
      } else {
        let digits = String(first, radix: 16)
        text += "\\x" + (digits.count < 2 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    return "\"\(text)\""
  }

  private static func escaped(_ piece: String) -> String {
    switch piece {
    case "\n": "\\n"
    case "\t": "\\t"
    case "\r": "\\r"
    case "\"": "\\\""
    case "\\": "\\\\"
    default: visible(piece)
    }
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0x00...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  private static func picture(of scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x00...0x1F:
      Unicode.Scalar(0x2400 + scalar.value).map { String(Character($0)) } ?? "\u{FFFD}"
    case 0x7F: "␡"
    default: "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
}
