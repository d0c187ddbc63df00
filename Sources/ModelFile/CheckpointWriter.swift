/// Writes a model file, tensor by tensor in layout order, in bounded memory.
///
/// The file grows under a temporary name in the same directory and takes its final name only in
/// ``finish()``; until then an existing file stays as it was.
public final class CheckpointWriter {
  /// Where each tensor goes; append values in this order.
  public let layout: TensorLayout

  /// Creates the temporary file after checking that the target may be written and fits on the disk.
  ///
  /// - Parameters:
  ///   - path: The final name.
  ///   - metadata: Written as the header extension (v1, v2); v0 throws when it differs from llama2.c's defaults.
  ///   - tokenizerSection: Appended after the weights (v1, v2).
  ///   - overwrite: Whether an existing file may be replaced.
  public init(
    path: String, config: ModelConfig, format: CheckpointFormat, metadata: ModelMetadata,
    tokenizerSection: [UInt8]?, overwrite: Bool
  ) throws {
    fatalError("skeleton")
  }

  /// Appends the next values of the current tensor, row-major; any chunk size.
  ///
  /// Quantises for v2
  /// (scale = max|w| / 127, q = w / scale rounded half to even, as llama2.c's export.py).
  ///
  /// - Throws: ``ModelFileError`` for a value that is not finite or a failed write.
  public func append(_ values: UnsafeBufferPointer<Float>) throws {
    fatalError("skeleton")
  }

  /// Completes header, extension and tokenizer section, flushes to disk and renames.
  public func finish() throws {
    fatalError("skeleton")
  }
}
