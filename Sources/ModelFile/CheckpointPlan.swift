#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What is known of a file before its first weight is written: layout, size and header.
struct CheckpointPlan {
  let layout: TensorLayout
  let totalBytes: Int
  let header: [UInt8]

  init(
    config: ModelConfig, format: CheckpointFormat, metadata: ModelMetadata, tokenizerLength: Int?,
    writesExtension: Bool
  ) throws(ModelFileError) {
    layout = try TensorLayout(config: config, format: format)
    let totalBytes = layout.fileSize(tokenizerLength: tokenizerLength)
    self.totalBytes = totalBytes
    var header = CheckpointHeader(config: config, format: format).serialized()
    if format == .v0 || !writesExtension {
      let place = format == .v0 ? "version 0" : "a header without extension"
      guard tokenizerLength == nil else {
        throw ModelFileError("\(place) cannot carry a tokenizer", kind: .usage)
      }
      try metadata.checkIsLlama2C(place)
    } else {
      let start = layout.tokenizerStart
      let block = HeaderExtension(
        metadata: metadata, fileSize: totalBytes,
        tokenizer: tokenizerLength.map { _ in start..<totalBytes })
      try block.check(config)
      block.write(into: &header, config: config)
    }
    self.header = header
  }
}

extension ModelMetadata {
  /// Refuses numbers that a reader of a plain llama2.c file would get wrong without a word.
  fileprivate func checkIsLlama2C(_ place: String) throws(ModelFileError) {
    let defaults = ModelMetadata()
    let values = [
      ("rope_theta", "\(ropeTheta)", "\(defaults.ropeTheta)"),
      ("norm_eps", "\(normEpsilon)", "\(defaults.normEpsilon)"),
      ("bos", "\(bos)", "\(defaults.bos)"),
      ("eos", "\(eos)", "\(defaults.eos)"),
    ]
    for (name, value, expected) in values where value != expected {
      throw ModelFileError(
        "\(place) has no room for \(name) \(value): its readers assume \(expected); write version 1"
          + " or 2 with the extension", kind: .usage)
    }
  }
}

/// The tables of v0 files: all cosines, then all sines, of each position's angles.
///
/// The formula is that of `precompute_freqs_cis` in llama2.c's model.py, for theta 10000, with each of
/// its fp32 roundings: the power, its reciprocal, and the product with the position.
struct RopeTables {
  enum Function: CaseIterable { case cosine, sine }

  private let frequencies: [Float]

  init(_ config: ModelConfig) {
    let headSize = config.headSize
    frequencies = stride(from: 0, to: headSize, by: 2).map { index in
      1 / Float(pow(10000, Double(Float(index) / Float(headSize))))
    }
  }

  /// One value for each pair of a head.
  func row(_ function: Function, position: Int) -> [Float] {
    frequencies.map { frequency in
      let angle = Double(Float(position) * frequency)
      return Float(function == .cosine ? cos(angle) : sin(angle))
    }
  }
}
