import Foundation

/// Numbers as people read them.
enum Quantity {
  /// Bytes in powers of 1000: `7.16 GB`, `522 kB`.
  static func bytes(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["bytes", "kB", "MB"] {
      if value < 1000 { return "\(short(value)) \(unit)" }
      value /= 1000
    }
    return "\(short(value)) GB"
  }

  private static func short(_ value: Double) -> String {
    value < 10 && value != value.rounded()
      ? String(format: "%.2f", value) : String(format: "%.0f", value)
  }
}

extension String {
  /// The text with spaces up to `width` characters, and at least one.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
