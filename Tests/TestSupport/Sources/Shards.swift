import Foundation

/// The tiny model in two files and an index.
package enum Shards {
  package static func write(
    _ sources: TinySources, in folder: TemporaryDirectory
  ) throws -> String {
    let directory = try sources.makeHuggingFace(in: folder)
    let all = sources.safetensors().tensors
    let parts = [Array(all[..<7]), Array(all[7...])]
    for (index, part) in parts.enumerated() {
      try folder.write("Tiny/part-\(index).safetensors", SafetensorsBuilder(part).bytes())
    }
    try writeIndex(
      "model.safetensors", parts.map { $0.map(\.name) }, suffix: "safetensors", folder)
    return directory
  }

  package static func writeTorch(
    _ sources: TinySources, in folder: TemporaryDirectory
  ) throws -> String {
    let directory = try sources.makeHuggingFace(in: folder)
    let all = sources.safetensors().tensors
    let tensors = all.map { tensor in
      PickleBuilder.Tensor(
        tensor.name, shape: tensor.shape,
        values: stride(from: 0, to: tensor.data.count, by: 4).map { start in
          Float(
            bitPattern: tensor.data[start..<start + 4].reversed()
              .reduce(0) { $0 << 8 | UInt32($1) })
        })
    }
    let parts = [Array(tensors[..<7]), Array(tensors[7...])]
    for (index, part) in parts.enumerated() {
      try folder.write("Tiny/part-\(index).bin", PickleBuilder.stateFile(part).bytes())
    }
    try writeIndex("pytorch_model.bin", parts.map { $0.map(\.name) }, suffix: "bin", folder)
    return directory
  }

  private static func writeIndex(
    _ base: String, _ names: [[String]], suffix: String, _ folder: TemporaryDirectory
  ) throws {
    let members = names.enumerated().flatMap { index, names in
      names.map { "\"\($0)\": \"part-\(index).\(suffix)\"" }
    }
    try folder.write(
      "Tiny/\(base).index.json",
      Array("{\"weight_map\": {\(members.joined(separator: ", "))}}".utf8))
  }
}
