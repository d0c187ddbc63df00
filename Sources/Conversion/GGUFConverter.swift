import ModelFile
import Tokenization

/// Converts a GGUF file of architecture `llama` into one self-contained model file, tensor by tensor.
///
/// Opening checks the whole header, so that ``convert(to:version:groupSize:overwrite:progress:)`` can
/// only fail on damaged weights, a wrong request or the output. At most a few megabytes of weights are
/// in memory at a time, whatever the model's size.
public struct GGUFConverter {
  private let model: GGUFModel

  /// The model's shape.
  var config: ModelConfig { model.config }
  /// What the header extension will say.
  var metadata: ModelMetadata { model.metadata }
  /// The tokenizer that will be appended.
  var vocabulary: Vocabulary { model.vocabulary }

  /// What the user should know although the file can be converted to that version, one sentence each.
  public func warnings(version: Int) -> [String] {
    version == 2 ? model.warnings + model.int8Warnings : model.warnings
  }

  /// Opens and checks the GGUF file.
  ///
  /// - Throws: ``ConversionError`` naming the file, what was found in it and what was expected, when it
  ///   is damaged or its model is of a kind llama2.c's format has no room for.
  public init(path: String) throws {
    model = try GGUFModel(path: path)
  }

  /// Writes the model file.
  ///
  /// - Parameters:
  ///   - path: The file to write; it takes this name only when it is complete.
  ///   - version: 1 (fp32) or 2 (int8).
  ///   - groupSize: Elements of a v2 group; `nil` takes the largest of 64, 32, 16, 8, 4 that divides
  ///     every row.
  ///   - overwrite: Whether an existing file may be replaced.
  ///   - progress: Called with bytes written so far and in total, and the tensor's name. Throwing
  ///     stops the conversion and leaves no file.
  /// - Throws: ``ConversionError`` for a wrong request, a weight that is not finite or a source that
  ///   changes meanwhile, `ModelFileError` when the file cannot be written, and what `progress` throws.
  public func convert(
    to path: String, version: Int, groupSize: Int?, overwrite: Bool,
    progress: (_ done: Int, _ total: Int, _ tensor: String) throws -> Void
  ) throws {
    let input = model.file.input
    let format = try format(version: version, groupSize: groupSize)
    let section = try vocabulary.section()
    let writer = try CheckpointWriter(
      path: path, config: config, format: format, metadata: metadata, tokenizerSection: section,
      overwrite: overwrite, inputs: [input.path])
    let stream = TensorStream(input: input)
    let tensors = try model.table.tensors(for: writer.layout, input)
    for (span, tensor) in zip(writer.layout.tensors, tensors) {
      let rowBytes = span.byteCount / span.rows
      try stream.forEachChunk(of: tensor) { values, rowsDone in
        try writer.append(values)
        try progress(span.offset + rowsDone * rowBytes, writer.totalBytes, tensor.name)
      }
    }
    try input.checkUnchanged()
    try writer.finish()
    try progress(writer.totalBytes, writer.totalBytes, "tokenizer")
  }

  /// The format asked for, when there is such a one and it fits the model.
  private func format(version: Int, groupSize: Int?) throws -> CheckpointFormat {
    func refused(_ place: String, _ reason: String) -> ConversionError {
      ConversionError(place: place, reason: reason, kind: .usage)
    }
    switch (version, groupSize) {
    case (1, nil):
      return .v1
    case (1, _):
      throw refused("group size", "only version 2 has groups; version 1 is fp32")
    case (2, nil):
      return .v2(groupSize: CheckpointWriter.largestGroupSize(for: config))
    case (2, let groupSize?):
      guard groupSize > 0, config.dim % groupSize == 0, config.hiddenDim % groupSize == 0 else {
        throw refused(
          "group size",
          "\(groupSize) does not divide both the embedding length \(config.dim) and "
            + "the feed-forward length \(config.hiddenDim)")
      }
      return .v2(groupSize: groupSize)
    default:
      throw refused("version", "\(version) cannot be written; 1 (fp32) and 2 (int8) can")
    }
  }
}
