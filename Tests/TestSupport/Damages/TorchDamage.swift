import Foundation

/// Torch archives, their tensors and sets of them that must not be believed.
extension SourceDamage {
  package static let damagedArchives: [SourceDamage] = [
    archive("compressed", "is compressed") { $0.entries[0].method = 8 },
    archive("encrypted", "is encrypted") { $0.entries[0].flags = 1 },
    archive("local name", "has another name in its own header") {
      $0.entries[0].localName = "archive/evil.pkl"
    },
    archive("local size", "says something else") { $0.entries[2].localSize = 1 },
    archive("central size", "says something else") { $0.entries[2].centralSize = 1 },
    archive("past the end", "past the archive's directory") { archive in
      archive.entries[2].centralSize = 1 << 30
      archive.entries[2].localSize = 1 << 30
    },
    archive("offset", "is said to be at byte") { $0.entries[2].centralOffset = 0x7FFF_FFFF },
    archive("overlap", "says something else") { $0.entries[3].centralOffset = 0 },
    archive("duplicate", "occurs twice") { $0.entries.append($0.entries[1]) },
    archive("two pickles", "has 2 entries */data.pkl") { archive in
      var entry = archive.entries[0]
      entry.name = "other/data.pkl"
      archive.entries.append(entry)
    },
    archive("no pickle", "has 0 entries */data.pkl") { $0.entries.removeFirst() },
    archive("count", "zip directory, entry") { $0.count = 60_000 },
    archive("directory", "zip directory") { $0.directoryOffset = 0x7FFF_0000 },
    archive("checksum", "its CRC-32 is not what the directory says") { $0.entries[0].checksum = 7 },
    archive("big-endian", "big-endian") { archive in
      archive.entries[1].content = Array("big".utf8)
    },
    archive("storage missing", "which the archive does not have") { $0.entries.remove(at: 4) },
    archive("storage size", "whose entry") { $0.entries[4].content.removeLast() },
    SourceDamage("cut short", "has no zip directory at its end") { sources, folder in
      try folder.write("ckpt.pt", sources.checkpoint().bytes().dropLast(30))
    },
    SourceDamage("no arguments", "has no 'model_args' and 'model'") { sources, folder in
      try folder.write("ckpt.pt", PickleBuilder.stateFile(sources.metaShard(0, of: 1)).bytes())
    },
  ]

  private static func archive(
    _ name: String, _ expected: String, _ change: @escaping @Sendable (inout ZipBuilder) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      var archive = sources.checkpoint()
      change(&archive)
      return try folder.write("ckpt.pt", archive.bytes())
    }
  }

  package static let damagedTensors: [SourceDamage] = [
    tensor("strides", "has the strides [1, 64]") { $0.strides = [1, 64] },
    tensor("offset", "reaches past the end of its storage") { $0.offset = 1 },
    tensor("shape", "reaches past the end of its storage") { $0.shape = [65, 64] },
    tensor("overflow", "has the impossible shape") {
      $0.shape = [Int(Int32.max), Int(Int32.max), Int(Int32.max)]
      $0.strides = [1, 1, 1]
    },
    tensor("empty", "has the impossible shape [0, 64]") { $0.shape = [0, 64] },
    tensor("count", "whose entry") { $0.storageCount = 5 },
    tensor("type", "is of torch.LongStorage") { $0.storage = "LongStorage" },
  ]

  private static func tensor(
    _ name: String, _ expected: String,
    _ change: @escaping @Sendable (inout PickleBuilder.Tensor) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      var tensors = sources.metaShard(0, of: 1)
      for index in tensors.indices where tensors[index].name == "layers.1.attention.wq.weight" {
        change(&tensors[index])
      }
      try folder.write(
        "Tiny/consolidated.00.pth", PickleBuilder.stateFile(tensors).bytes())
      return directory
    }
  }

  package static let damagedShards: [SourceDamage] = [
    SourceDamage("gap", "has consolidated.01.pth where consolidated.00.pth is expected") {
      sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.00.pth")
      return directory
    },
    SourceDamage("one missing", "rows of") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.01.pth")
      return directory
    },
    SourceDamage("norms differ", "'norm.weight' differs between shards") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      var tensors = sources.metaShard(1, of: 2)
      for index in tensors.indices {
        tensors[index].storage = "BFloat16Storage"
        if tensors[index].name == "norm.weight" { tensors[index].values[3] = 2 }
      }
      try folder.write("Tiny/consolidated.01.pth", PickleBuilder.stateFile(tensors).bytes())
      return directory
    },
    SourceDamage("types differ", "is of different types in different shards") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 2)
      try folder.write(
        "Tiny/consolidated.01.pth", PickleBuilder.stateFile(sources.metaShard(1, of: 2)).bytes())
      return directory
    },
    SourceDamage("no weights", "no consolidated.00.pth") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      try FileManager.default.removeItem(atPath: directory + "/consolidated.00.pth")
      return directory
    },
    SourceDamage("no width", "lacks 'dim'") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      try folder.write("Tiny/params.json", Array("{}".utf8))
      return directory
    },
    SourceDamage("scaled RoPE", "use_scaled_rope") { sources, folder in
      let directory = try sources.writeMeta(in: folder, shards: 1)
      let json = #"{"dim": 64, "n_layers": 2, "n_heads": 4, "use_scaled_rope": true}"#
      try folder.write("Tiny/params.json", Array(json.utf8))
      return directory
    },
  ]
}
