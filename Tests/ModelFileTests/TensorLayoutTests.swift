import ModelFile
import Testing

@Suite("Tensor layout")
struct TensorLayoutTests {
  /// Published models: dim, hidden_dim, layers, heads, kv heads, vocabulary, context.
  enum Shape {
    static let stories260K = shape(64, 172, 5, 8, 4, 512, 512, shared: true)
    static let stories15M = shape(288, 768, 6, 6, 6, 32000, 256, shared: true)
    static let stories42M = shape(512, 1376, 8, 8, 8, 32000, 1024, shared: true)
    static let smolLM2 = shape(576, 1536, 30, 9, 3, 49152, 8192, shared: true)
    static let llama7B = shape(4096, 11008, 32, 32, 32, 32000, 4096, shared: false)
    static let llama13B = shape(5120, 13824, 40, 40, 40, 32000, 4096, shared: false)
    static let llama70B = shape(8192, 28672, 80, 64, 8, 32000, 4096, shared: false)

    private static func shape(
      _ dim: Int, _ hiddenDim: Int, _ layers: Int, _ heads: Int, _ kvHeads: Int, _ vocabSize: Int,
      _ contextLength: Int, shared: Bool
    ) -> ModelConfig {
      ModelConfig(
        dim: dim, hiddenDim: hiddenDim, layers: layers, heads: heads, kvHeads: kvHeads,
        vocabSize: vocabSize, contextLength: contextLength, sharedClassifier: shared)
    }
  }

  @Test(arguments: [
    (Shape.stories260K, CheckpointFormat.v0, 1_056_540), (Shape.stories260K, .v1, 1_040_384),
    (Shape.stories260K, .v2(groupSize: 4), 521_728), (Shape.stories15M, .v0, 60_816_028),
    (Shape.stories42M, .v2(groupSize: 32), 46_926_080), (Shape.smolLM2, .v0, 540_157_212),
    (Shape.smolLM2, .v1, 538_060_288), (Shape.smolLM2, .v2(groupSize: 64), 143_025_664),
    (Shape.llama7B, .v0, 26_955_759_644), (Shape.llama7B, .v1, 26_953_662_720),
    (Shape.llama7B, .v2(groupSize: 64), 7_160_348_928),
    (Shape.llama13B, .v2(groupSize: 64), 13_830_574_336),
    (Shape.llama70B, .v2(groupSize: 64), 73_291_563_264),
  ])
  func sizesAreThoseOfPublishedFiles(config: ModelConfig, format: CheckpointFormat, size: Int)
    throws
  {
    #expect(try TensorLayout(config: config, format: format).weightsEnd == size)
  }

  @Test(arguments: [CheckpointFormat.v0, .v1, .v2(groupSize: 64)])
  func tensorsFollowEachOther(format: CheckpointFormat) throws {
    let layout = try TensorLayout(config: Shape.llama7B, format: format)
    var end = format == .v0 ? 28 : 256
    for span in layout.tensors {
      #expect(span.offset == end)
      #expect(span.offset % 4 == 0)
      #expect(layout.span(span.role, layer: span.layer) == span)
      end += span.byteCount
    }
    #expect(end == layout.weightsEnd)
    #expect(layout.span(.wq, layer: 32) == nil)
    #expect(layout.span(.wq, layer: -1) == nil)
    #expect(layout.span(.finalNorm, layer: 1) == nil)
    #expect((layout.span(.ropeTables) == nil) == (format != .v0))
  }

  @Test func aSharedClassifierHasNoTensor() throws {
    let layout = try TensorLayout(config: Shape.stories15M, format: .v1)
    #expect(layout.span(.classifier) == nil)
  }
}
