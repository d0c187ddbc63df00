import ModelFile

extension Array {
  /// The element that people call by that number, from 1; `nil` when there is none, whatever the number.
  package func element(numbered number: Int) -> Element? {
    number >= 1 && number <= count ? self[number - 1] : nil
  }
}

/// A count and its noun: `1 turn`, `2,000 tokens`.
package func counted(_ value: Int, _ noun: String) -> String {
  "\(SizeText.grouped(value)) \(noun)\(value == 1 ? "" : "s")"
}

/// A measurement in few digits: one decimal below 10, none above.
func rounded(_ value: Double) -> String {
  guard value.isFinite else { return "–" }
  guard value < 9.95 else { return SizeText.grouped(Int(min(value, 1e15).rounded())) }
  return decimal(value, places: 1)
}

/// A duration: `4 ms`, `0.34 s`, `1.4 s`, `18 s`, `3 min 20 s`.
package func seconds(_ value: Double) -> String {
  guard value.isFinite else { return "–" }
  if value < 0.0995 { return "\(Int((value * 1000).rounded())) ms" }
  if value < 0.995 { return decimal(value, places: 2) + " s" }
  if value < 9.95 { return decimal(value, places: 1) + " s" }
  let whole = Int(min(value, 1e9).rounded())
  return whole < 120 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
}

/// A fixed number of decimals, rounded half away from zero; for magnitudes well below 2^53.
func decimal(_ value: Double, places: Int) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = Int((value.magnitude * scale).rounded())
  let whole = scaled / Int(scale)
  let fraction = String(scaled % Int(scale))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard places > 0 else { return sign + String(whole) }
  return "\(sign)\(whole).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
}

/// A share as a whole percentage; for shares far below 2⁵³.
func percent(_ share: Double) -> String { decimal(share * 100, places: 0) + "%" }

/// Turns by their numbers: `turn 3`, `turns 1–2`.
func named(turns: ClosedRange<Int>) -> String {
  turns.count == 1
    ? "turn \(turns.lowerBound)" : "turns \(turns.lowerBound)–\(turns.upperBound)"
}

/// How long reading will take, to be put behind a text: ` (~18 s)`; empty when no speed is known.
func estimate(reading tokens: Int, atSpeed speed: Double?) -> String {
  speed.map { " (~\(seconds(Double(tokens) / $0)))" } ?? ""
}

/// Text with spaces up to a width, for columns.
package func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// Text with spaces before it up to a width, for columns of numbers.
func aligned(_ text: String, to width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

extension Duration {
  /// The duration in seconds.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
