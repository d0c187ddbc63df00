/// A tensor's values inside the mapped file; valid while its ``Checkpoint`` lives.
///
/// Safe to share: nothing writes to the mapping.
public struct TensorView: @unchecked Sendable {
  /// The values, in the file's own encoding.
  public enum Values {
    /// `rows * columns` floats.
    case float32(UnsafePointer<Float>)
    /// `rows * columns` int8 values and `rows * columns / groupSize` scales, groups running over the
    /// flattened tensor.
    case int8(UnsafePointer<Int8>, scales: UnsafePointer<Float>, groupSize: Int)
  }
  /// The values.
  public let values: Values
  /// Output features.
  public let rows: Int
  /// Input features.
  public let columns: Int
}

/// A model file, mapped read-only and checked: typed views into the mapping, no copy.
public final class Checkpoint: Sendable {
  /// The header extension's values, or llama2.c's defaults.
  public let metadata: ModelMetadata
  /// Whether the header extension is there.
  public let hasMetadata: Bool
  /// Where each tensor is.
  public let layout: TensorLayout
  /// What is odd about the file but not wrong, one sentence each.
  public let warnings: [String]
  private let file: MappedFile
  private let tokenizer: Range<Int>?

  /// Maps and checks a model file.
  ///
  /// Reads the header and the norms, so it takes milliseconds whatever the size.
  ///
  /// - Throws: ``ModelFileError`` naming the file, the field or byte, what was found and what was
  ///   expected.
  public init(path: String) throws(ModelFileError) {
    file = try MappedFile(path: path)
    let contents: CheckpointContents
    do throws(ModelFileError) {
      contents = try CheckpointContents(checking: file.bytes)
    } catch {
      throw error.at(path)
    }
    layout = contents.layout
    metadata = contents.header?.metadata ?? ModelMetadata()
    hasMetadata = contents.header != nil
    tokenizer = contents.header?.tokenizer
    warnings = contents.warnings
  }

  /// The path it was opened with.
  public var path: String { file.path }
  /// The model's shape.
  public var config: ModelConfig { layout.config }
  /// The file's format.
  public var format: CheckpointFormat { layout.format }
  /// Bytes of the file.
  public var fileSize: Int { file.count }
  /// The whole file; valid while the checkpoint lives.
  public var bytes: UnsafeRawBufferPointer { file.bytes }

  /// The tensor's values; `layer` is 0 for tensors outside the blocks.
  ///
  /// Asking for a tensor the layout does not have is a programmer error and traps.
  public func tensor(_ role: TensorRole, layer: Int = 0) -> TensorView {
    guard let span = layout.span(role, layer: layer), let base = file.bytes.baseAddress else {
      fatalError("\(path) has no tensor \(role) of layer \(layer)")
    }
    let start = base + span.offset
    let values: TensorView.Values =
      if let groupSize = span.groupSize {
        .int8(
          start.assumingMemoryBound(to: Int8.self),
          scales: (start + span.elementCount).assumingMemoryBound(to: Float.self),
          groupSize: groupSize)
      } else {
        .float32(start.assumingMemoryBound(to: Float.self))
      }
    return TensorView(values: values, rows: span.rows, columns: span.columns)
  }

  /// The appended tokenizer section; valid while the checkpoint lives.
  public var tokenizerSection: UnsafeRawBufferPointer? {
    tokenizer.map { UnsafeRawBufferPointer(rebasing: file.bytes[$0]) }
  }

  /// Checks that the file has not been changed since it was opened.
  ///
  /// A file that was replaced or removed is unchanged: the old one stays mapped.
  ///
  /// - Throws: ``ModelFileError`` when its size or modification time differ.
  public func checkUnchanged() throws(ModelFileError) {
    try file.checkUnchanged()
  }

  /// Whether the file has lost bytes since it was opened.
  public var isCutShort: Bool { file.isCutShort }

  /// Reads every norm, every scale and every fp32 weight.
  ///
  /// - Throws: ``ModelFileError`` at the first NaN, infinity or negative scale.
  public func verify() throws(ModelFileError) {
    // No reader looks at the tables of v0 files.
    for span in layout.tensors where span.role != .ropeTables {
      do throws(ModelFileError) {
        try span.checkFinite(file.bytes)
      } catch {
        throw error.at(path)
      }
    }
  }
}
