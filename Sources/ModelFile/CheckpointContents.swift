/// What the bytes of a model file say, after every check that needs nothing but the file.
///
/// The checks run in this order, so that the first message is the one that helps most: a foreign
/// format, the header, the range of each number, their relations, the header extension, the file's
/// size, the norms.
struct CheckpointContents {
  let layout: TensorLayout
  let header: HeaderExtension?
  let warnings: [String]

  /// Checks a whole file.
  init(checking bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    try self.init(beginning: bytes, fileSize: bytes.count)
    for span in layout.tensors where span.role.isNorm {
      try span.checkFinite(bytes)
    }
  }

  /// Checks all but the values.
  ///
  /// - Parameters:
  ///   - bytes: The first 256 bytes of the file or more, or all of a shorter one.
  ///   - fileSize: Bytes of the whole file.
  init(beginning bytes: UnsafeRawBufferPointer, fileSize: Int) throws(ModelFileError) {
    if let text = ForeignFormat.describe(bytes) { throw ModelFileError(text) }
    let parsed = try CheckpointHeader(parsing: bytes)
    layout = try CheckpointContents.layout(parsed)
    var warnings: [String] = []
    header = try CheckpointContents.headerExtension(bytes, layout, &warnings)
    try CheckpointContents.checkSize(fileSize, layout, header)
    if case .v2(let groupSize) = layout.format, layout.config.hiddenDim % groupSize != 0 {
      warnings.append(
        "group_size \(groupSize) does not divide hidden_dim \(layout.config.hiddenDim): groups of w2"
          + " straddle its rows, which is slower here and wrong in runq")
    }
    self.warnings = warnings
  }

  private static func layout(_ header: CheckpointHeader) throws(ModelFileError) -> TensorLayout {
    do throws(ModelFileError) {
      return try TensorLayout(config: header.config, format: header.format)
    } catch {
      guard header.format == .v0 else { throw error }
      // Nothing else identifies a v0 file.
      throw ModelFileError(error.reason + "; this may not be a llama2.c model")
    }
  }

  private static func headerExtension(
    _ bytes: UnsafeRawBufferPointer, _ layout: TensorLayout, _ warnings: inout [String]
  ) throws(ModelFileError) -> HeaderExtension? {
    guard layout.format != .v0 else { return nil }
    let header = UnsafeRawBufferPointer(rebasing: bytes[..<layout.format.headerSize])
    switch HeaderExtension.presence(in: header) {
    case .absent: return nil
    case .present: return try HeaderExtension(parsing: header, config: layout.config)
    case .unknown:
      warnings.append("bytes 64…67 of the header are not those of a known extension: ignored")
      return nil
    }
  }

  private static func checkSize(
    _ found: Int, _ layout: TensorLayout, _ header: HeaderExtension?
  ) throws(ModelFileError) {
    let size = layout.fileSize(tokenizerLength: header?.tokenizer?.count)
    let start = layout.tokenizerStart
    if let section = header?.tokenizer, section.lowerBound != start || section.upperBound != size {
      throw ModelFileError(
        "header extension: tokenizer section is at byte \(SizeText.grouped(section.lowerBound));"
          + " the weights end at \(SizeText.grouped(layout.weightsEnd)), so it must be at"
          + " \(SizeText.grouped(start))")
    }
    if let header, header.fileSize != size {
      throw ModelFileError(
        "header extension: file_size is \(SizeText.grouped(header.fileSize)); the header's numbers"
          + " give \(SizeText.grouped(size))")
    }
    guard found != size else { return }
    if header == nil { try checkOtherClassifier(found, layout) }
    let sizes = "\(SizeText.grouped(size)) bytes expected, \(SizeText.grouped(found)) present"
    if found < size {
      throw ModelFileError("truncated: \(sizes) (\(SizeText.bytes(size - found)) missing)")
    }
    throw ModelFileError(
      "trailing data: \(sizes) (\(SizeText.bytes(found - size)) too many); not written by a known"
        + " exporter")
  }

  /// Says so when the size is right for the other kind of classifier.
  private static func checkOtherClassifier(
    _ found: Int, _ layout: TensorLayout
  ) throws(ModelFileError) {
    var config = layout.config
    config.sharedClassifier.toggle()
    guard try TensorLayout(config: config, format: layout.format).weightsEnd == found else {
      return
    }
    let place = layout.format == .v0 ? "vocab_size sign" : "shared_classifier byte"
    let kinds = layout.config.sharedClassifier ? ("shared", "separate") : ("separate", "shared")
    throw ModelFileError("\(place) says \(kinds.0) classifier, size says \(kinds.1)")
  }
}

/// A model file's header, checked against the file's size without mapping or reading the rest.
public struct CheckpointOutline: Sendable {
  /// Bytes of the file that ``init(beginning:fileSize:)`` needs to see.
  public static let headerSize = 256
  /// Where each tensor is.
  public let layout: TensorLayout
  /// The header extension's values, or llama2.c's defaults.
  public let metadata: ModelMetadata
  /// Whether the header extension is there.
  public let hasMetadata: Bool
  /// Where the appended tokenizer section is.
  public let tokenizer: Range<Int>?
  /// What is odd about the file but not wrong, one sentence each.
  public let warnings: [String]

  /// Reads and checks the header.
  ///
  /// - Parameters:
  ///   - bytes: The first ``headerSize`` bytes of the file, or all of a shorter one.
  ///   - fileSize: Bytes of the whole file.
  /// - Throws: ``ModelFileError`` as ``Checkpoint/init(path:)``, without the file's path.
  public init(beginning bytes: UnsafeRawBufferPointer, fileSize: Int) throws(ModelFileError) {
    let contents = try CheckpointContents(beginning: bytes, fileSize: fileSize)
    layout = contents.layout
    metadata = contents.header?.metadata ?? ModelMetadata()
    hasMetadata = contents.header != nil
    tokenizer = contents.header?.tokenizer
    warnings = contents.warnings
  }
}

extension TensorLayout {
  /// Where a tokenizer section begins.
  var tokenizerStart: Int { (weightsEnd + 7) / 8 * 8 }

  /// Bytes of the file with a tokenizer section of this length, or without one.
  func fileSize(tokenizerLength: Int?) -> Int {
    guard let tokenizerLength else { return weightsEnd }
    let (size, overflow) = tokenizerStart.addingReportingOverflow(tokenizerLength)
    return overflow ? Int.max : size
  }
}

extension TensorSpan {
  /// The fp32 numbers of the tensor: its values, or an int8 tensor's scales.
  private func floats(_ file: UnsafeRawBufferPointer) -> UnsafeBufferPointer<Float> {
    let start = groupSize == nil ? offset : offset + elementCount
    return UnsafeRawBufferPointer(rebasing: file[start..<(offset + byteCount)])
      .assumingMemoryBound(to: Float.self)
  }

  /// Throws at the first NaN or infinity, and at the first negative scale.
  func checkFinite(_ file: UnsafeRawBufferPointer) throws(ModelFileError) {
    let floats = floats(file)
    let what = groupSize == nil ? "value" : "scale"
    if let index = floats.firstNonFinite {
      throw ModelFileError(
        "\(name): \(what) \(SizeText.grouped(index)) is \(floats[index]); the file is damaged",
        kind: .damagedNumbers)
    }
    guard groupSize != nil else { return }
    if let index = floats.firstIndex(where: { $0 < 0 }) {
      throw ModelFileError(
        "\(name): scale \(SizeText.grouped(index)) is \(floats[index]), below 0; the file is damaged",
        kind: .damagedNumbers)
    }
  }
}
