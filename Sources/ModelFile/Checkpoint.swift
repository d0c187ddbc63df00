/// A tensor's values inside the mapped file; valid while its ``Checkpoint`` lives.
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
  /// The path it was opened with.
  public let path: String
  /// The model's shape.
  public let config: ModelConfig
  /// The file's format.
  public let format: CheckpointFormat
  /// The header extension's values, or llama2.c's defaults.
  public let metadata: ModelMetadata
  /// Whether the header extension is there.
  public let hasMetadata: Bool
  /// Where each tensor is.
  public let layout: TensorLayout
  /// Bytes of the file.
  public let fileSize: Int
  /// What is odd about the file but not wrong, one sentence each.
  public let warnings: [String]

  /// Maps and checks a model file.
  ///
  /// - Throws: ``ModelFileError`` naming the file, the field or byte, what was found and what was
  ///   expected.
  public init(path: String) throws {
    fatalError("skeleton")
  }

  /// The tensor's values; `layer` is 0 for tensors outside the blocks.
  ///
  /// Asking for a tensor the layout does not have is a programmer error and traps.
  public func tensor(_ role: TensorRole, layer: Int = 0) -> TensorView {
    fatalError("skeleton")
  }

  /// The appended tokenizer section; valid while the checkpoint lives.
  public var tokenizerSection: UnsafeRawBufferPointer? {
    fatalError("skeleton")
  }

  /// Checks that the file has not been changed since it was opened.
  public func checkUnchanged() throws {
    fatalError("skeleton")
  }

  /// Reads every norm and scale (and every fp32 weight) and throws at the first NaN, infinity or negative scale.
  public func verify() throws {
    fatalError("skeleton")
  }
}
