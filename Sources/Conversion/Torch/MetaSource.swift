import Foundation
import ModelFile
import Tokenization

/// A directory as Meta publishes it: params.json, consolidated.NN.pth in one or many shards,
/// tokenizer.model.
struct MetaSource: ModelSource {
  let facts: SourceFacts
  let files: [InputFile]
  private let tensors: [TensorTable.Place: SourceTensor]

  init(directory: String, options: SourceOptions = SourceOptions()) throws {
    let shards = try Self.shards(in: directory)
    files = shards.map(\.input)
    let parameters = try MetaParameters(path: directory + "/params.json")
    let tables = try shards.map {
      TensorTable(path: $0.input.path, try $0.stateDictionary())
    }
    let model = MetaShards(directory: directory, tables: tables, dim: parameters.dim)
    let config = try Self.config(parameters, model)
    tensors = try model.tensors(for: try config.checkedLayout(directory))

    var metadata = ModelMetadata()
    metadata.ropeTheta = parameters.ropeTheta
    metadata.normEpsilon = parameters.normEpsilon
    let vocabulary = try options.tokenizer.map(VocabularyFile.read) ?? Self.tokenizer(directory)
    if let vocabulary { (metadata.bos, metadata.eos) = (vocabulary.bos, vocabulary.eos) }
    metadata.sourceName =
      URL(fileURLWithPath: directory).standardizedFileURL.lastPathComponent
    var facts = SourceFacts(
      kind: .meta, path: directory, config: config, metadata: metadata, vocabulary: vocabulary,
      warnings: parameters.warnings)
    try facts.complete(with: options, hasTemplate: false)
    self.facts = facts
  }

  func tensor(_ role: TensorRole, layer: Int) -> SourceTensor? {
    tensors[.init(role: role, layer: layer)]
  }

  /// `consolidated.00.pth` and its followers without a gap.
  private static func shards(in directory: String) throws -> [TorchArchive] {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasPrefix("consolidated.") && $0.hasSuffix(".pth") }.sorted()
    for (index, name) in names.enumerated() {
      let expected = "consolidated.\(index < 10 ? "0" : "")\(index).pth"
      guard name == expected else {
        throw ConversionError(
          place: directory,
          reason: "has \(name) where \(expected) is expected; download all shards",
          kind: .damagedFile)
      }
    }
    guard !names.isEmpty else {
      throw ConversionError(
        place: directory, reason: "has params.json, but no consolidated.00.pth", kind: .damagedFile)
    }
    return try names.map { try TorchArchive(path: directory + "/" + $0) }
  }

  /// The tokenizer in the directory or, as Meta lays them out, in the one above.
  private static func tokenizer(_ directory: String) throws -> Vocabulary? {
    let path = [directory + "/tokenizer.model", directory + "/../tokenizer.model"]
      .first { FileManager.default.fileExists(atPath: $0) }
    return try path.map { try Vocabulary(path: $0) }
  }

  private static func config(
    _ parameters: MetaParameters, _ model: MetaShards
  ) throws -> ModelConfig {
    let embedding = try model.tensor("tok_embeddings.weight")
    let up = try model.tensor("layers.0.feed_forward.w1.weight")
    var config = ModelConfig(
      dim: parameters.dim, hiddenDim: up.rows, layers: parameters.layers, heads: parameters.heads,
      kvHeads: parameters.kvHeads, vocabSize: embedding.rows,
      contextLength: parameters.contextLength, sharedClassifier: true)
    if model.has("output.weight") {
      config.sharedClassifier = try model.tensor("output.weight").hasSameValues(as: embedding)
    }
    return config
  }
}

/// The numbers of `params.json`.
struct MetaParameters {
  let dim: Int
  let layers: Int
  let heads: Int
  let kvHeads: Int
  let contextLength: Int
  let ropeTheta: Float
  let normEpsilon: Float
  let warnings: [String]

  init(path: String) throws {
    let input = try InputFile(path: path)
    let json = try input.json(limit: 1 << 20)
    func number(_ key: String) throws -> Int? {
      guard let value = json[key]?.nonNull else { return nil }
      guard let number = value.int, 1...Int(Int32.max) ~= number else {
        throw input.damaged("'\(key)' is \(value.summary); expected a whole number")
      }
      return number
    }
    func required(_ key: String) throws -> Int {
      guard let number = try number(key) else { throw input.damaged("lacks '\(key)'") }
      return number
    }
    func float(_ key: String, _ standard: Float) throws -> Float {
      guard let value = json[key]?.nonNull else { return standard }
      guard let number = value.double.map(Float.init), number > 0, number.isFinite else {
        throw input.damaged("'\(key)' is \(value.summary); expected a number above 0")
      }
      return number
    }
    dim = try required("dim")
    layers = try required("n_layers")
    heads = try required("n_heads")
    kvHeads = try number("n_kv_heads") ?? heads
    if json["use_scaled_rope"]?.bool == true {
      throw input.damaged("has 'use_scaled_rope': RoPE scaling is not supported")
    }
    ropeTheta = try float("rope_theta", 10000)
    normEpsilon = try float("norm_eps", 1e-5)
    // The files do not say; Llama-2 was trained on 4096 tokens.
    let length = try number("max_seq_len")
    contextLength = length ?? 4096
    var warnings: [String] = []
    if length == nil { warnings.append("params.json does not say the context length: 4096 taken") }
    if json["rope_theta"]?.nonNull == nil {
      warnings.append(
        "params.json does not say rope_theta: 10000 taken; for Code Llama pass --rope-theta 1e6")
    }
    self.warnings = warnings
  }
}

/// The shards of a Meta model: each has a part of every matrix, and all of every norm.
struct MetaShards {
  let directory: String
  let tables: [TensorTable]
  let dim: Int

  /// Whether the first shard has a tensor.
  func has(_ name: String) -> Bool { tables.first?[name] != nil }

  /// A tensor put together from its parts.
  ///
  /// Embedding (in Llama-2's way), wo and w2 are split along columns, everything else along rows; norms are
  /// in every shard.
  func tensor(_ name: String) throws -> SourceTensor {
    let parts = tables.compactMap { $0[name] }
    guard let first = parts.first, parts.count == tables.count else {
      throw damaged("lacks tensor '\(name)'" + (parts.isEmpty ? "" : " in some shards"))
    }
    guard parts.allSatisfy({ $0.encoding == first.encoding }) else {
      throw damaged("tensor '\(name)' is of different types in different shards")
    }
    // A norm, or a matrix of one row: the same in all.
    if parts.count == 1 { return SourceTensor(first) }
    if first.rows == 1 {
      for part in parts.dropFirst() {
        guard try SourceTensor(first).hasSameValues(as: SourceTensor(part)) else {
          throw damaged("tensor '\(name)' differs between shards")
        }
      }
      return SourceTensor(first)
    }
    let isSplitByColumns =
      name.hasSuffix(".attention.wo.weight") || name.hasSuffix(".feed_forward.w2.weight")
      || name == "tok_embeddings.weight" && first.columns != dim
    guard
      parts.allSatisfy({
        isSplitByColumns ? $0.rows == first.rows : $0.columns == first.columns
      })
    else { throw damaged("tensor '\(name)' has shapes in its shards that do not fit together") }
    return SourceTensor(parts, axis: isSplitByColumns ? .columns : .rows)
  }

  /// The tensors in the order and shapes of `layout`, leaving none over.
  func tensors(for layout: TensorLayout) throws -> [TensorTable.Place: SourceTensor] {
    var unused = Set(tables.flatMap(\.names)).filter { !TensorRole.isMetaTable($0) }
    if layout.config.sharedClassifier { unused.remove("output.weight") }
    var found: [TensorTable.Place: SourceTensor] = [:]
    for span in layout.tensors {
      guard let name = span.role.metaName(layer: span.layer) else { continue }
      let tensor = try tensor(name)
      unused.remove(name)
      guard tensor.rows == span.rows, tensor.columns == span.columns else {
        throw damaged(
          "tensor '\(name)' has \(tensor.rows) rows of \(tensor.columns) values; "
            + "expected \(span.rows) rows of \(span.columns)")
      }
      found[.init(role: span.role, layer: span.layer)] = tensor
    }
    guard unused.isEmpty else {
      throw damaged(
        "has \(TensorTable.list(unused.sorted())) that a Llama-2 model does not have; "
          + "without it the text would be wrong")
    }
    return found
  }

  private func damaged(_ reason: String) -> ConversionError {
    ConversionError(place: directory, reason: reason, kind: .damagedFile)
  }
}
