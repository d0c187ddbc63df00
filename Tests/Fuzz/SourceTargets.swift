import Foundation
import ModelFile
import TestSupport
import Tokenization

@testable import Conversion

/// The model that sources are made of: one block, sixteen wide.
private let tiny = TinySources(
  config: ModelConfig(
    dim: 16, hiddenDim: 16, layers: 1, heads: 2, kvHeads: 1, vocabSize: 512, contextLength: 8,
    sharedClassifier: true))

/// The same with no more pieces than a test of headers needs.
private let narrow = TinySources(
  config: ModelConfig(
    dim: 8, hiddenDim: 8, layers: 1, heads: 2, kvHeads: 1, vocabSize: 8, contextLength: 8,
    sharedClassifier: true))

extension Target {
  /// Reads every weight of a source, and says what would be written.
  private static func use(_ source: any ModelSource) throws {
    let converter = ModelConverter(source: source)
    _ = converter.warnings(version: 2)
    let size = try converter.outputBytes(version: 2, groupSize: nil)
    // Of a model of this size, all of it.
    guard size < 1 << 20 else { return }
    let path = Scratch.folder + "/converted.bin"
    try converter.convert(to: path, version: 2, groupSize: nil, overwrite: true) { _, _, _ in }
    let checkpoint = try Checkpoint(path: path)
    require(checkpoint.fileSize == size, "the file has another size than was said")
    try checkpoint.verify()
  }

  static let gguf = Target {
    [
      "llama": GGUFBuilder.tinyLlama().bytes(), "smollm": GGUFBuilder.tinySmolLM().bytes(),
    ]
  } run: { input in
    try use(GGUFModel(path: Scratch.file("model.gguf", input)))
  }

  static let safetensors = Target {
    var half = narrow.safetensors()
    half.store(as: "F16")
    return ["f32": narrow.safetensors().bytes(), "f16": half.bytes()]
  } run: { input in
    _ = try SafetensorsFile(path: Scratch.file("model.safetensors", input))
    let directory = try huggingFace()
    Scratch.file("hf/config.json", configJSON())
    Scratch.file("hf/model.safetensors", input)
    try use(HuggingFaceSource(directory: directory))
  }

  /// The index of sharded weights.
  static let weightIndex = Target {
    let names = narrow.safetensors().tensors.map(\.name)
    let map = names.map { "\"\($0)\": \"model.safetensors\"" }.joined(separator: ", ")
    return [
      "whole": Array("{\"metadata\": {}, \"weight_map\": {\(map)}}".utf8),
      "outside": Array(#"{"weight_map": {"a": "../model.safetensors"}}"#.utf8),
    ]
  } run: { input in
    let directory = Scratch.folder("index")
    Scratch.file("index/model.safetensors", narrow.safetensors().bytes())
    Scratch.file("index/model.safetensors.index.json", input)
    _ = try WeightIndex.tensors(in: directory)
  }

  private static func configJSON(_ changes: [String: String] = [:]) -> [UInt8] {
    let members = narrow.huggingFaceConfig.merging(changes) { $1 }
      .sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return Array("{\(members.joined(separator: ",\n"))}".utf8)
  }

  /// A directory with all but what is fuzzed.
  private static func huggingFace() throws -> String {
    let directory = Scratch.folder("hf")
    Scratch.file("hf/tokenizer_config.json", Array("{}".utf8))
    return directory
  }

  /// config.json, then tokenizer_config.json and generation_config.json after a NUL each.
  static let configJSON = Target {
    [
      "plain": configJSON(),
      "variants": configJSON([
        "rope_parameters": #"{"rope_type": "default", "rope_theta": 5e5}"#,
        "eos_token_id": "[2, 3]", "head_dim": "4", "rope_scaling": "null",
        "hidden_act": #""silu""#, "sliding_window": "null",
      ]) + [0]
        + Array(
          #"{"add_bos_token": true, "bos_token": {"content": "<s>"}, "chat_template": "{{x}}"}"#
            .utf8) + [0] + Array(#"{"eos_token_id": [2]}"#.utf8),
    ]
  } run: { input in
    let directory = try huggingFace()
    Scratch.file("hf/model.safetensors", narrow.safetensors().bytes())
    let names = ["config", "tokenizer_config", "generation_config"]
    let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    for (index, name) in names.enumerated() {
      Scratch.file("hf/\(name).json", index < parts.count ? Array(parts[index]) : Array("{}".utf8))
    }
    try use(HuggingFaceSource(directory: directory))
  }

  /// Meta's params.json.
  static let paramsJSON = Target {
    let text = """
      {"dim": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "vocab_size": -1, "norm_eps": 1e-05,
      "rope_theta": 1e6, "max_seq_len": 8}
      """
    return ["whole": Array(text.utf8)]
  } run: { input in
    let directory = Scratch.folder("meta")
    Scratch.file("meta/params.json", input)
    Scratch.file(
      "meta/consolidated.00.pth", PickleBuilder.stateFile(narrow.metaShard(0, of: 1)).bytes())
    try use(MetaSource(directory: directory))
  }

  static let tokenizerJSON = Target {
    let llama = #"""
      {"added_tokens": [{"id": 0, "content": "<unk>", "special": true},
      {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
      "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, "pre_tokenizer": null,
      "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
      "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x0A>": 3, "▁": 4, "a": 5, "▁a": 6},
      "merges": ["▁ a"]}}
      """#
    let smol = #"""
      {"added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": true},
      {"id": 1, "content": "<|im_start|>", "special": true}, {"id": 2, "content": "<|im_end|>",
      "special": true}], "normalizer": null, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
      "model": {"type": "BPE", "vocab": {"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2,
      "Ġ": 3, "a": 4, "Ġa": 5}, "merges": [["Ġ", "a"]]}}
      """#
    return ["llama": Array(llama.utf8), "smollm": Array(smol.utf8)]
  } run: { input in
    try exercise(VocabularyFile.read(Scratch.file("tokenizer.json", input)))
  }

  static let json = Target {
    let text = #"{"a": [1, -2.5e3, true, null, "\u00e9\ud83e\udd99\n"], "b": {"c": ""}}"#
    return ["all": Array(text.utf8)]
  } run: { input in
    let value: JSONValue
    do { value = try JSONReader.value(input) } catch is JSONReader.Problem { return }
    _ = value.summary
  }

  /// A pickle, by itself and inside an archive.
  static let pickle = Target {
    var pickle = PickleBuilder()
    pickle.stateDictionary([.init("a", shape: [2, 2], values: [1, 2, 3, 4])])
    let directory = narrow.checkpoint().entries
    let whole = directory.first { $0.name.hasSuffix("data.pkl") }?.content ?? []
    return ["dictionary": pickle.ended(), "checkpoint": whole]
  } run: { input in
    let pickle: Pickle
    do {
      pickle = try input.withUnsafeBytes(PickleDecoder.decode)
    } catch is PickleDecoder.Problem { return }
    _ = pickle.root.summary
    var archive = narrow.checkpoint()
    archive.entries[0].content = input
    let path = Scratch.file("model.pt", archive.bytes())
    let torch = try TorchArchive(path: path)
    do { _ = try torch.stateDictionary() } catch is ConversionError {}
    try use(TorchCheckpointSource(path: path))
  }

  /// A zip archive as torch writes it.
  static let zip = Target {
    var wide = ZipBuilder([.init("archive/data.pkl", [0x80, 2, 0x7D, 0x2E])])
    wide.isZip64 = true
    var padded = ZipBuilder([
      .init("archive/data.pkl", [0x80, 2, 0x7D, 0x2E]),
      .init("archive/byteorder", Array("little".utf8)),
      .init("archive/data/0", [0, 0, 128, 63]),
    ])
    padded.entries[2].padding = 16
    return ["zip64": wide.bytes(), "padded": padded.bytes()]
  } run: { input in
    let path = Scratch.file("archive.pt", input)
    let directory = try ZipDirectory(InputFile(path: path))
    for entry in directory.entries {
      require(
        entry.offset >= 0 && entry.size >= 0 && entry.offset + entry.size <= input.count,
        "an entry lies outside the archive")
    }
    _ = try TorchArchive(path: path).stateDictionary()
  }
}
