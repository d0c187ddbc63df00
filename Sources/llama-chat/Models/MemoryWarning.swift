import Conversion
import Inference
import ModelFile

/// Warns of a model whose weights do not fit into memory: it runs, but from the disk, at a token every few
/// seconds or less.
enum MemoryWarning {
  /// Says so, with the command that makes the model fit where there is one.
  static func report(_ checkpoint: Checkpoint) {
    guard let text = text(for: checkpoint, available: SystemMemory.available()) else { return }
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
}
