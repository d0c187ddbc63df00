/// `text` with everything a terminal would obey made visible: ESC as `␛`, other control characters
/// as their Unicode pictures or `\u{…}`; only tab and, unless `singleLine`, newline stay.
///
/// Covers C0, DEL, C1, line and paragraph separators, and the bidirectional controls.
func visible(_ text: String, singleLine: Bool = false) -> String {
  var result = ""
  result.reserveCapacity(text.utf8.count)
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0x09:
      result.unicodeScalars.append(scalar)
    case 0x0A where !singleLine:
      result.unicodeScalars.append(scalar)
    case 0x00...0x1F:
      result.unicodeScalars.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
    case 0x7F:
      result.append("␡")
    case 0x80...0x9F, 0x2028...0x202E, 0x2066...0x2069:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default:
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}
