import Foundation
import ModelFile

/// The weight files of a Hugging Face directory, one or sharded with an index.
enum WeightIndex {
  private static let maxShards = 4096

  /// All tensors of the directory, as each format's reader gives them.
  ///
  /// - Throws: ``ConversionError`` when no weights are there, a shard is damaged, or index and shards
  ///   contradict each other.
  static func tensors(in directory: String) throws -> [StoredTensor] {
    let formats: [(base: String, read: (String) throws -> [StoredTensor])] = [
      ("model.safetensors", { try SafetensorsFile(path: $0).tensors }),
      ("pytorch_model.bin", { try TorchArchive(path: $0).stateDictionary() }),
    ]
    for (base, read) in formats {
      let index = directory + "/\(base).index.json"
      if FileManager.default.fileExists(atPath: index) {
        return try sharded(index, directory, read)
      }
      let single = directory + "/" + base
      if FileManager.default.fileExists(atPath: single) { return try read(single) }
    }
    throw ConversionError(
      place: directory,
      reason:
        "has neither model.safetensors nor pytorch_model.bin, nor an index of shards; download "
        + "the weights as well", kind: .damagedFile)
  }

  private static func sharded(
    _ index: String, _ directory: String, _ read: (String) throws -> [StoredTensor]
  ) throws -> [StoredTensor] {
    let input = try InputFile(path: index)
    let json = try input.json()
    guard let map = json["weight_map"]?.members, !map.isEmpty else {
      throw input.damaged("lacks 'weight_map', an object of tensor names and file names")
    }
    var expected: [String: Set<String>] = [:]
    for (key, value) in map {
      let name = String(decoding: key, as: UTF8.self)
      guard let file = value.bytes else {
        throw input.damaged("weight_map: the file of '\(name)' is \(value.summary)")
      }
      try checkBareName(file, input)
      expected[String(decoding: file, as: UTF8.self), default: []].insert(name)
    }
    guard expected.count <= maxShards else {
      throw input.damaged("names \(expected.count) files; at most \(maxShards) are accepted")
    }
    var tensors: [StoredTensor] = []
    for (file, names) in expected.sorted(by: { $0.key < $1.key }) {
      let shard = try read(directory + "/" + file)
      let found = Set(shard.map(\.name))
      let missing = names.subtracting(found).sorted()
      guard missing.isEmpty else {
        throw input.damaged("\(file) lacks \(TensorTable.list(missing)) the index puts there")
      }
      let extra = found.subtracting(names).sorted()
      guard extra.isEmpty else {
        throw input.damaged("\(file) has \(TensorTable.list(extra)) the index does not put there")
      }
      tensors += shard
    }
    return tensors
  }

  /// Refuses whatever could lead out of the directory.
  private static func checkBareName(_ name: [UInt8], _ input: InputFile) throws {
    let isBare =
      !name.isEmpty && name.count <= 255 && name.first != UInt8(ascii: ".")
      && name.allSatisfy { 0x21...0x7E ~= $0 && !"/\\:".utf8.contains($0) }
    guard isBare else {
      throw input.damaged(
        "weight_map names the file \"\(String(decoding: name.prefix(80), as: UTF8.self))\"; only bare "
          + "file names are accepted")
    }
  }
}
