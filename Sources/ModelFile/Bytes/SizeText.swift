/// Sizes as people read them.
public enum SizeText {
  /// Digits in groups of three: `7,160,348,928`.
  public static func grouped(_ number: Int) -> String {
    var text = ""
    let digits = String(number.magnitude)
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return number < 0 ? "-" + text : text
  }

  /// A large count in two or three digits: `134M`, `6.7B`.
  public static func count(_ number: Int) -> String {
    let units = ["", "k", "M", "B", "T"]
    var value = Double(number)
    var unit = 0
    while value >= 999.5, unit + 1 < units.count {
      value /= 1000
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return (unit > 0 && tenths < 10 ? String(tenths) : String(Int(value.rounded()))) + units[unit]
  }

  /// The shortest digits that mean exactly this number: `10000`, `1e-05`.
  public static func number(_ value: Float) -> String {
    let text = String(value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// `7.2 GB`, `143 MB`, `12 bytes`: decimal units, two or three digits.
  public static func bytes(_ count: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    var value = Double(count)
    var unit = 0
    // 999.5 would print as 1000.
    while value >= 999.5, unit + 1 < units.count {
      value /= 1000
      unit += 1
    }
    guard unit > 0 else { return count == 1 ? "1 byte" : "\(count) bytes" }
    let tenths = (value * 10).rounded() / 10
    let number = tenths < 10 ? String(tenths) : String(Int(value.rounded()))
    return "\(number) \(units[unit])"
  }
}
