import Foundation
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Conversion

/// Whole conversions of tiny files, read back.
@Suite struct ConversionTests {
  @Test(arguments: [1, 2])
  func carriesShapeAndMetadata(version: Int) throws {
    var builder = GGUFBuilder.tinyLlama()
    builder.set("llama.rope.freq_base", float: 500_000)
    builder.set("tokenizer.ggml.eot_token_id", uint32: 3)
    let converted = try Converted(builder, version: version)
    let config = converted.checkpoint.config
    #expect(
      config
        == ModelConfig(
          dim: 8, hiddenDim: 16, layers: 1, heads: 2, kvHeads: 1, vocabSize: 8, contextLength: 32,
          sharedClassifier: true))
    #expect(converted.checkpoint.format == (version == 1 ? .v1 : .v2(groupSize: 8)))
    let metadata = converted.checkpoint.metadata
    #expect(metadata.ropeTheta == 500_000)
    #expect(metadata.normEpsilon == 1e-6)
    #expect(metadata.bos == 1)
    #expect(metadata.eos == 2)
    #expect(metadata.endOfTurn == 3)
    #expect(metadata.unknown == 0)
    #expect(metadata.tokenizer == .sentencePiece)
    #expect(metadata.template == nil)
    #expect(metadata.addsBOS)
    #expect(metadata.tokenCount == 8)
    #expect(metadata.sourceName == "Tiny")
  }

  @Test func keepsFloatsExactly() throws {
    let builder = GGUFBuilder.tinyLlama()
    let checkpoint = try Converted(builder, version: 1).checkpoint
    for span in checkpoint.layout.tensors {
      let name = try #require(span.role.ggufName(layer: span.layer))
      let tensor = try #require(builder.tensors.first { $0.name == name })
      let found = try checkpoint.floats(span.role, layer: span.layer)
      #expect(found.flatMap { le($0.bitPattern) } == tensor.data, "\(name)")
    }
  }

  @Test func quantizesInGroups() throws {
    let builder = GGUFBuilder.tinyLlama()
    let checkpoint = try Converted(builder, version: 2, groupSize: 4).checkpoint
    defer { withExtendedLifetime(checkpoint) {} }
    let count = 8 * 16
    let values = GGUFBuilder.values(count, seed: 9)
    #expect(builder.tensors[9].name == "blk.0.ffn_down.weight")
    guard case .int8(let q, let scales, let groupSize) = checkpoint.tensor(.w2).values else {
      Issue.record("w2 is not int8")
      return
    }
    #expect(groupSize == 4)
    for index in 0..<count {
      let group = values[index / 4 * 4..<index / 4 * 4 + 4]
      let scale = (group.map(abs).max() ?? 0) / 127
      #expect(scales[index / 4] == scale)
      let quotient = scale == 0 ? 0 : values[index] / scale
      #expect(Float(q[index]) == quotient.rounded(.toNearestOrEven))
    }
  }

  @Test func carriesSentencePieceVocabulary() throws {
    var builder = GGUFBuilder.tinyLlama()
    builder.set("tokenizer.ggml.add_space_prefix", bool: false)
    let vocabulary = try Converted(builder, version: 2).vocabulary()
    #expect(vocabulary.kind == .sentencePiece)
    #expect(Array(vocabulary.pieces) == GGUFBuilder.tinyPieces.map { Array($0.utf8) })
    #expect(vocabulary.scores == [0, 0, 0, 0, -1, -2, -3, -4])
    let kinds: [Vocabulary.PieceKind] =
      [.unknown, .control, .control, .byte] + .init(repeating: .normal, count: 4)
    #expect(vocabulary.kinds == kinds)
    #expect(vocabulary.bos == 1)
    #expect(vocabulary.eos == 2)
    #expect(vocabulary.unknown == 0)
    #expect(!vocabulary.addsSpacePrefix)
  }

  @Test func carriesByteLevelVocabulary() throws {
    let converted = try Converted(.tinySmolLM(), version: 1)
    let vocabulary = try converted.vocabulary()
    #expect(vocabulary.kind == .byteLevel)
    #expect(
      Array(vocabulary.pieces[3...])
        == [Array(" ".utf8), Array("a".utf8), [0xC3], [0xA9], Array(" a".utf8)])
    #expect(vocabulary.pieces[1] == Array("<|im_start|>".utf8))
    #expect(vocabulary.merges.map(\.left) == [3])
    #expect(vocabulary.merges.map(\.right) == [4])
    #expect(!converted.checkpoint.metadata.addsBOS)
    #expect(!vocabulary.addsSpacePrefix)
  }

  @Test func sharesAClassifierThatIsACopy() throws {
    var builder = GGUFBuilder.tinyLlama()
    let embedding = GGUFBuilder.values(64, seed: 0)
    builder.add("output.weight", rows: 8, columns: 8, values: embedding)
    #expect(try Converted(builder, version: 1).checkpoint.config.sharedClassifier)
    builder.change("output.weight") { $0.data[255] ^= 1 }
    let separate = try Converted(builder, version: 1).checkpoint
    #expect(!separate.config.sharedClassifier)
    let values = try separate.floats(.classifier)
    #expect(values[0] == embedding[0])
    #expect(values[63] != embedding[63])
  }

  @Test func dequantizesWhileConverting() throws {
    var builder = GGUFBuilder.tinyLlama()
    for index in builder.tensors.indices {
      let floats = GGUFBuilder.values(builder.tensors[index].data.count / 4, seed: index)
      builder.tensors[index].type = ElementType.bf16.rawValue
      builder.tensors[index].data = floats.flatMap { le(UInt16($0.bitPattern >> 16)) }
    }
    let checkpoint = try Converted(builder, version: 1).checkpoint
    let expected = GGUFBuilder.values(8, seed: 10)
    #expect(try checkpoint.floats(.finalNorm) == expected)
  }

  @Test func reportsProgressUpToTheWholeFile() throws {
    let folder = try TemporaryDirectory()
    let source = try folder.write("model.gguf", GGUFBuilder.tinyLlama().bytes())
    var steps: [(done: Int, total: Int, tensor: String)] = []
    try ModelConverter(source: GGUFModel(path: source)).convert(
      to: folder.file("model.bin"), version: 2, groupSize: nil, overwrite: false
    ) { steps.append(($0, $1, $2)) }
    #expect(steps.first?.tensor == "blk.0.attn_norm.weight")
    #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.done < $1.done })
    let size = try FileManager.default.attributesOfItem(atPath: folder.file("model.bin"))[.size]
    #expect(steps.last?.done == size as? Int)
    #expect(steps.allSatisfy { $0.total == size as? Int })
  }
}

/// A GGUF file, converted and opened.
struct Converted {
  let folder: TemporaryDirectory
  let checkpoint: Checkpoint

  init(_ builder: GGUFBuilder, version: Int, groupSize: Int? = nil) throws {
    folder = try TemporaryDirectory()
    let source = try folder.write("model.gguf", builder.bytes())
    let target = folder.file("model.bin")
    try ModelConverter(source: GGUFModel(path: source)).convert(
      to: target, version: version, groupSize: groupSize, overwrite: false
    ) { _, _, _ in }
    checkpoint = try Checkpoint(path: target)
  }

  func vocabulary() throws -> Vocabulary {
    try Vocabulary(section: try #require(checkpoint.tokenizerSection))
  }
}

extension Checkpoint {
  /// A copy of an fp32 tensor's values.
  fileprivate func floats(_ role: TensorRole, layer: Int = 0) throws -> [Float] {
    try withExtendedLifetime(self) {
      let view = tensor(role, layer: layer)
      guard case .float32(let values) = view.values else {
        throw ModelFileError("\(role) is not fp32", path: path)
      }
      return Array(UnsafeBufferPointer(start: values, count: view.rows * view.columns))
    }
  }
}
