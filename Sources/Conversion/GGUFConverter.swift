import ModelFile
import Tokenization

/// Converts a GGUF file of architecture `llama` into one self-contained model file, tensor by tensor.
public struct GGUFConverter {
  /// Opens and checks the GGUF file.
  public init(path: String) throws { fatalError("skeleton") }

  /// Writes the model file.
  ///
  /// - Parameters:
  ///   - version: 1 (fp32) or 2 (int8).
  ///   - groupSize: Elements of a v2 group; `nil` takes the largest of 64, 32, 16, 8, 4 that divides every row.
  ///   - progress: Called with bytes written so far and in total, and the tensor's name. Throwing stops the conversion and leaves no file.
  public func convert(
    to path: String, version: Int, groupSize: Int?, overwrite: Bool,
    progress: (_ done: Int, _ total: Int, _ tensor: String) throws -> Void
  ) throws {
    fatalError("skeleton")
  }
}
