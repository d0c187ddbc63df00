import Foundation
import ModelFile
import Tokenization

/// Writes the model of any source as one self-contained model file.
///
/// A few megabytes of weights are in memory at a time, whatever the model's size, and for int8 a tensor's scales: a
/// float for each group of its elements, 8 MB for the largest of 7B in groups of 64. The output is the same
/// bytes whatever the number of processors. A model that needs nothing beyond llama2.c's header (its
/// theta, epsilon and token ids, no tokenizer) gets the bytes that llama2.c's export.py writes.
public struct ModelConverter: Sendable {
  let source: any ModelSource

  /// Takes a source that is open.
  init(source: any ModelSource) { self.source = source }

  /// Opens a source of whatever kind.
  ///
  /// - Throws: ``ConversionError``, `ModelFileError` or `TokenizerError` naming the file, what was found in
  ///   it and what was expected, when it is damaged, of no known kind, or its model is of a kind
  ///   llama2.c's format has no room for.
  public init(path: String, options: SourceOptions = SourceOptions()) throws {
    source = try ModelSources.open(path, options)
  }

  /// What kind of source it is.
  public var kind: SourceKind { source.facts.kind }
  /// The model's shape.
  public var config: ModelConfig { source.facts.config }
  /// What the header extension will say.
  public var metadata: ModelMetadata { source.facts.metadata }
  /// The tokenizer that will be appended.
  public var vocabulary: Vocabulary? { source.facts.vocabulary }
  /// The files that weights are read from.
  public var inputs: [String] { source.files.map(\.path) }
  /// Bytes of all files that weights are read from.
  public var inputBytes: Int { source.files.reduce(0) { $0 + $1.size } }
  /// What tells these inputs from others and from changed ones: sizes and times of change.
  public var fingerprint: String {
    source.files.map { "\($0.path) \($0.fingerprint)" }.joined(separator: "\n")
  }

  /// What the user should know although the file can be converted to that version, one sentence each.
  public func warnings(version: Int) -> [String] {
    source.facts.warnings
      + ConversionWarnings.output(version: version, source.facts, encodings: encodings)
  }

  /// The tensors' encodings as stored.
  private var encodings: Set<String> {
    let config = source.facts.config
    let layout = try? TensorLayout(config: config, format: .v1)
    let stored = layout?.tensors.flatMap { span in
      source.tensor(span.role, layer: span.layer)?.parts.map(\.typeName) ?? []
    }
    return Set(stored ?? [])
  }

  /// Bytes of the file that ``convert(to:version:groupSize:overwrite:progress:)`` would write.
  public func outputBytes(version: Int, groupSize: Int?) throws -> Int {
    let format = try format(version: version, groupSize: groupSize)
    let layout = try TensorLayout(config: config, format: format)
    return layout.weightsEnd + (version == 0 ? 0 : try vocabulary?.section().count ?? 0)
  }

  /// Writes the model file.
  ///
  /// - Parameters:
  ///   - path: The file to write; it takes this name only when it is complete.
  ///   - version: 0 or 1 (fp32) or 2 (int8).
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
    let format = try format(version: version, groupSize: groupSize)
    let section = version == 0 ? nil : try vocabulary?.section()
    let writer = try CheckpointWriter(
      path: path, config: config, format: format, metadata: written(version: version),
      tokenizerSection: section, overwrite: overwrite, inputs: inputs,
      writesExtension: section != nil || metadata != ModelMetadata())
    let spans = writer.layout.tensors.filter { $0.role != .ropeTables }
    let reading = TensorReading(try spans.map(item))
    try reading.run { chunk, number, rows in
      try chunk.append(to: writer, isQuantized: spans[number].groupSize != nil)
      let span = spans[number]
      let rowBytes = span.byteCount / span.rows
      try progress(
        span.offset + rows.upperBound * rowBytes, writer.totalBytes,
        reading.items[number].tensor.name)
    }
    for file in source.files { try file.checkUnchanged() }
    try writer.finish()
    try progress(writer.totalBytes, writer.totalBytes, section == nil ? "done" : "tokenizer")
  }

  /// The metadata as that version can carry it.
  private func written(version: Int) -> ModelMetadata {
    var metadata = metadata
    if version == 0 {
      metadata.tokenizer = nil
      metadata.tokenCount = 0
    }
    return metadata
  }

  private func item(_ span: TensorSpan) throws -> TensorReading.Item {
    guard let tensor = source.tensor(span.role, layer: span.layer),
      tensor.rows == span.rows, tensor.columns == span.columns
    else {
      throw ConversionError(
        place: source.facts.path, reason: "has no \(span.name) of the right shape",
        kind: .damagedFile)
    }
    var item = TensorReading.Item(tensor: tensor, groupSize: span.groupSize)
    // Groups run on from row to row when they do not divide one.
    if let size = span.groupSize { item.rowMultiple = size / gcd(size, span.columns) }
    return item
  }

  private func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

  /// The format asked for, when there is such a one and it fits the model.
  private func format(version: Int, groupSize: Int?) throws -> CheckpointFormat {
    func refused(_ place: String, _ reason: String) -> ConversionError {
      ConversionError(place: place, reason: reason, kind: .usage)
    }
    switch (version, groupSize) {
    case (0, nil): return .v0
    case (1, nil): return .v1
    case (0...1, _):
      throw refused("group size", "only version 2 has groups; version \(version) is fp32")
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
      throw refused(
        "version", "\(version) cannot be written; 0 and 1 (fp32) and 2 (int8) can")
    }
  }
}

extension TensorChunk {
  /// Appends the chunk to a file in the encoding it was made for.
  fileprivate func append(to writer: CheckpointWriter, isQuantized: Bool) throws {
    try scales.withUnsafeBufferPointer { scales in
      if isQuantized {
        try quantized.withUnsafeBytes { try writer.append(encoded: $0, scales: scales) }
      } else {
        try values.withUnsafeBytes { try writer.append(encoded: $0, scales: scales) }
      }
    }
  }
}
