import Chat
import Foundation
import ModelFile

/// One line on standard error that says how far a conversion is: replaced where lines may be painted again,
/// once a tenth elsewhere.
struct ConversionMeter {
  let isShown: Bool
  private let repaints = Screen.repaintsProgress
  private let start = ContinuousClock.now
  private var lastShown = -1
  private var total = 0

  init(isShown: Bool) { self.isShown = isShown }

  mutating func update(done: Int, total: Int, tensor: String) {
    self.total = total
    let percent = total == 0 ? 100 : Int(Double(done) / Double(total) * 100)
    let step = repaints ? percent : percent / 10
    guard isShown, step != lastShown else { return }
    lastShown = step
    let text =
      "\(percent) % of \(SizeText.bytes(total))\(speed(done)) · \(visible(tensor, singleLine: true))"
    guard repaints else { return write("\(text)\n") }
    write("\r\u{1B}[K" + text.fitted(to: TerminalStyle.columns(of: STDERR_FILENO) - 1))
  }

  /// The rate and the time left, once there has been time to tell.
  private func speed(_ done: Int) -> String {
    let elapsed = (ContinuousClock.now - start - Signals.timeStopped).inSeconds
    guard elapsed > 0.5, done > 0, done < total else { return "" }
    let rate = Double(done) / elapsed
    return " · \(SizeText.bytes(Int(rate)))/s · \(seconds(Double(total - done) / rate)) left"
  }

  func finish(output: String) {
    guard isShown else { return }
    let elapsed = (ContinuousClock.now - start).inSeconds
    let rate = elapsed > 0.5 ? ", \(SizeText.bytes(Int(Double(total) / elapsed)))/s" : ""
    let text =
      "\(visible(output, singleLine: true)): \(SizeText.bytes(total)) in \(seconds(elapsed))\(rate)"
    write(repaints ? "\r\u{1B}[K\(text)\n" : "\(text)\n")
  }

  private func write(_ text: String) { writeAll(text, to: STDERR_FILENO) }
}
