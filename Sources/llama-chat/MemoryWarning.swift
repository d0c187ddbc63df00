import Conversion
import Foundation
import ModelFile

/// Warns of a model whose weights do not fit into memory: it runs, but from the disk, at a token every few
/// seconds or less.
enum MemoryWarning {
  /// Says so, with the command that makes the model fit where there is one.
  static func report(_ checkpoint: Checkpoint) {
    guard let text = text(for: checkpoint, available: available) else { return }
    Report.warning(text)
  }

  /// The warning; `nil` when the weights fit.
  static func text(for checkpoint: Checkpoint, available: Int) -> String? {
    guard checkpoint.fileSize > available else { return nil }
    let sizes =
      "\(checkpoint.path): needs \(SizeText.bytes(checkpoint.fileSize)) of memory, "
      + "\(SizeText.bytes(available)) are available: every token will be read from the disk"
    guard checkpoint.format == .v0 || checkpoint.format == .v1,
      let converter = try? ModelConverter(path: checkpoint.path),
      let size = try? converter.outputBytes(version: 2, groupSize: nil)
    else { return sizes }
    let fits = size <= available ? "which fits" : "which is faster"
    return sizes
      + "; `llama-chat convert \(checkpoint.path) OUT.bin` makes it \(SizeText.bytes(size)), \(fits)"
  }

  /// What the system calls available, in bytes; all memory where it does not say.
  private static var available: Int {
    let all = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let report = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
    let line = report?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      return all
    }
    let (bytes, overflow) = kilobytes.multipliedReportingOverflow(by: 1024)
    return overflow ? all : bytes
  }
}
