import Foundation
import ModelFile
import Tokenization

/// Writes a model as a Hugging Face directory: what llama2.c's export.py calls version -1.
extension ModelConverter {
  /// Bytes of the weights that ``export(to:overwrite:progress:)`` would write.
  public func exportBytes() throws -> Int {
    try TensorLayout(config: config, format: .v1).weightsEnd
  }

  /// Writes config.json, model.safetensors (F32) and the tokenizer's files, loadable by `transformers`.
  ///
  /// Each file takes its name when it is complete, config.json as the last, so that a directory with it is a
  /// whole model.
  ///
  /// - Parameters:
  ///   - directory: Created when it is not there.
  ///   - overwrite: Whether existing files may be replaced.
  ///   - progress: Called with bytes written so far and in total, and the tensor's name. Throwing stops
  ///     the export.
  /// - Throws: As ``convert(to:version:groupSize:overwrite:progress:)``.
  public func export(
    to directory: String, overwrite: Bool,
    progress: (_ done: Int, _ total: Int, _ tensor: String) throws -> Void
  ) throws {
    try Self.createDirectory(directory)
    let config = directory + "/config.json"
    let weights = directory + "/model.safetensors"
    let files = try HuggingFaceFiles(source.facts)
    for path in [config, weights] + files.all.map({ directory + "/" + $0.name }) {
      try CheckpointWriter.checkTarget(path, overwrite: overwrite, inputs: inputs)
    }
    try refuseOwnDirectory(directory)
    let output = try writeWeights(to: weights, progress)
    try output.flushToDisk()
    // A directory is a model once it has a config.json: an old one must not vouch for new weights.
    if overwrite { try? FileManager.default.removeItem(atPath: config) }
    try output.commit()
    for (name, content) in files.all where name != "config.json" {
      try OutputFile.write(content, to: directory + "/" + name)
    }
    try OutputFile.write(files.config, to: config)
  }

  /// A directory whose own files are read would lose its configuration, and its weights be there twice.
  private func refuseOwnDirectory(_ directory: String) throws {
    let target = try System.status(of: directory).identity
    for input in inputs {
      let file = URL(fileURLWithPath: input)
      let isOfDirectory =
        file.pathExtension == "safetensors" || file.lastPathComponent.hasPrefix("pytorch_model")
      guard isOfDirectory else { continue }
      guard try System.status(of: file.deletingLastPathComponent().path).identity != target else {
        throw ConversionError(
          place: directory, reason: "holds the model that is read; choose another directory",
          kind: .usage)
      }
    }
  }

  private static func createDirectory(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ConversionError(
        place: path, reason: "cannot be made a directory: \(error.localizedDescription)",
        kind: .running)
    }
  }

  /// Writes all, and leaves the last step, `commit`, to the caller.
  private func writeWeights(
    to path: String, _ progress: (_ done: Int, _ total: Int, _ tensor: String) throws -> Void
  ) throws -> OutputFile {
    let spans = try TensorLayout(config: config, format: .v1).tensors
    let header = Self.header(spans)
    let total = header.count + spans.reduce(0) { $0 + $1.byteCount }
    let output = try OutputFile(path: path, size: total)
    try output.append(header)
    let reading = TensorReading(
      spans.compactMap { span in
        source.tensor(span.role, layer: span.layer).map {
          TensorReading.Item(tensor: $0, rowMultiple: span.role.isRotated ? config.headSize : 1)
        }
      })
    var done = header.count
    var rotated: [Float] = []
    try reading.run { chunk, number, rows in
      let span = spans[number]
      if span.role.isRotated {
        HalvesOrder.reorder(chunk.values, columns: span.columns, config.headSize, into: &rotated)
      }
      try (span.role.isRotated ? rotated : chunk.values).withUnsafeBytes { try output.append($0) }
      done += rows.count * span.columns * MemoryLayout<Float>.size
      try progress(done, total, reading.items[number].tensor.name)
    }
    for file in source.files { try file.checkUnchanged() }
    return output
  }

  /// The header of model.safetensors, whose tensors follow each other in the order given.
  private static func header(_ spans: [TensorSpan]) -> [UInt8] {
    var members = [#""__metadata__":{"format":"pt"}"#]
    var offset = 0
    for span in spans {
      guard let name = span.role.huggingFaceName(layer: span.layer) else { continue }
      let shape = span.role.isNorm ? "\(span.columns)" : "\(span.rows),\(span.columns)"
      let end = offset + span.byteCount
      members.append(
        #""\#(name)":{"dtype":"F32","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#)
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    // The tensors begin on a multiple of 8.
    while json.count % 8 != 0 { json.append(0x20) }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt64(json.count))
    return bytes + json
  }
}

/// Hugging Face's order of rows in q and k; see ``SourceTensor/RowOrder/halves(headSize:)``.
private enum HalvesOrder {
  /// Puts rows of whole heads from the order of model files into Hugging Face's.
  static func reorder(
    _ values: [Float], columns: Int, _ headSize: Int, into result: inout [Float]
  ) {
    result.removeAll(keepingCapacity: true)
    result.reserveCapacity(values.count)
    for head in stride(from: 0, to: values.count, by: headSize * columns) {
      for half in 0..<2 {
        for pair in 0..<headSize / 2 {
          let start = head + (2 * pair + half) * columns
          result.append(contentsOf: values[start..<start + columns])
        }
      }
    }
  }
}

extension TensorRole {
  /// Whether rotary pairs make the order of its rows a matter of convention.
  fileprivate var isRotated: Bool { self == .wq || self == .wk }
}
