import Foundation

/// The clipboard of the terminal's window, by the sequence OSC 52.
enum Clipboard {
  /// What puts `text` there; inside tmux, which must be told to hand it on.
  static func sequence(for text: String, isInsideTmux: Bool) -> String {
    let content = Data(text.utf8).base64EncodedString()
    let plain = "\u{1B}]52;c;\(content)\u{07}"
    return isInsideTmux ? "\u{1B}Ptmux;\u{1B}\(plain)\u{1B}\\" : plain
  }

  /// Sends `text` to the terminal behind `stream`.
  static func put(_ text: String, on stream: Int32) {
    let isInsideTmux = ProcessInfo.processInfo.environment["TMUX"]?.isEmpty == false
    writeAll(sequence(for: text, isInsideTmux: isInsideTmux), to: stream)
  }
}
