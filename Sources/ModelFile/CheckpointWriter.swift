/// Writes a model file, tensor by tensor in layout order; of an int8 tensor the scales wait in memory for its end.
///
/// The file grows under a temporary name in the same directory and takes its final name only in
/// ``finish()``; until then an existing file stays as it was. After any error, ``cancel()``, or the
/// end of the value the temporary file is gone.
public final class CheckpointWriter {
  /// Where each tensor goes; append values in this order.
  ///
  /// Skip ``TensorRole/ropeTables``: the writer fills them in itself.
  public let layout: TensorLayout
  /// Bytes of the finished file.
  public let totalBytes: Int
  private let output: OutputFile
  private let tokenizerSection: [UInt8]?
  /// Index in the layout of the tensor being written.
  private var current = 0
  /// Values of the current tensor in the file or in `block`.
  private var written = 0
  /// Values waiting to be written: whole groups except at the end of an ``append(_:)``.
  private var block: [Float] = []
  /// The current tensor's scales, which follow its last value.
  private var scales: [Float] = []
  private let blockSize: Int

  /// Creates the temporary file after checking that the target may be written and fits on the disk.
  ///
  /// - Parameters:
  ///   - path: The final name.
  ///   - metadata: Written as the header extension (v1, v2); without one, it must be llama2.c's
  ///     defaults as far as they concern the numbers: rope theta, norm epsilon, BOS and EOS.
  ///   - tokenizerSection: Appended after the weights (v1, v2).
  ///   - overwrite: Whether an existing file may be replaced.
  ///   - inputs: Files being read, none of which may be the target.
  ///   - writesExtension: `false` leaves the header as llama2.c's export.py writes it.
  /// - Throws: ``ModelFileError``; see ``TensorLayout`` for numbers that cannot be written.
  public convenience init(
    path: String, config: ModelConfig, format: CheckpointFormat, metadata: ModelMetadata,
    tokenizerSection: [UInt8]?, overwrite: Bool, inputs: [String] = [], writesExtension: Bool = true
  ) throws(ModelFileError) {
    try self.init(
      path: path, config: config, format: format, metadata: metadata,
      tokenizerSection: tokenizerSection, overwrite: overwrite, inputs: inputs,
      writesExtension: writesExtension, write: System.write)
  }

  /// Takes the system call that writes, so that tests can fill the disk.
  init(
    path: String, config: ModelConfig, format: CheckpointFormat, metadata: ModelMetadata,
    tokenizerSection: [UInt8]?, overwrite: Bool, inputs: [String] = [],
    writesExtension: Bool = true, write: @escaping OutputFile.Write
  ) throws(ModelFileError) {
    let plan: CheckpointPlan
    do throws(ModelFileError) {
      plan = try CheckpointPlan(
        config: config, format: format, metadata: metadata,
        tokenizerLength: tokenizerSection?.count, writesExtension: writesExtension)
    } catch {
      throw error.at(path)
    }
    try CheckpointWriter.checkTarget(path, overwrite: overwrite, inputs: inputs)
    layout = plan.layout
    totalBytes = plan.totalBytes
    self.tokenizerSection = tokenizerSection
    if case .v2(let groupSize) = format {
      blockSize = max(1, 65536 / groupSize) * groupSize
    } else {
      blockSize = 65536
    }
    output = try OutputFile(path: path, size: totalBytes, write: write)
    try output.append(plan.header)
  }

  /// Where the file grows, for a signal handler that must remove it.
  public var temporaryPath: String { output.temporaryPath }

  /// The tensor the next value belongs to; `nil` when all are complete.
  public var currentTensor: TensorSpan? {
    current < layout.tensors.count ? layout.tensors[current] : nil
  }

  /// Appends the next values of the current tensor, row-major, in pieces of any size.
  ///
  /// Quantises for v2 (scale = max|w| / 127, q = w / scale rounded half to even, as llama2.c's
  /// export.py).
  ///
  /// - Throws: ``ModelFileError`` for more values than the tensor has, a value that is not finite, or
  ///   a failed write; the file is then given up.
  public func append(_ values: UnsafeBufferPointer<Float>) throws(ModelFileError) {
    do throws(ModelFileError) {
      guard let span = currentTensor else {
        throw ModelFileError("all tensors are written, but \(values.count) more values came")
      }
      guard values.count <= span.elementCount - written else {
        throw ModelFileError(
          "\(span.name) takes \(SizeText.grouped(span.elementCount)) values;"
            + " \(SizeText.grouped(values.count)) more came after \(SizeText.grouped(written))")
      }
      try appendChecked(values, to: span)
    } catch {
      cancel()
      throw error.at(output.path)
    }
  }

  /// Appends the next values of the current tensor as they stand in the file, quantised elsewhere.
  ///
  /// Not between calls of ``append(_:)`` for the same tensor.
  ///
  /// - Parameters:
  ///   - values: fp32 values, or the int8 values of whole groups, row-major.
  ///   - scales: The groups' scales; none for an fp32 tensor.
  /// - Throws: ``ModelFileError`` for more values than the tensor has, values and scales that do not
  ///   belong together, or a failed write; the file is then given up.
  package func append(
    encoded values: UnsafeRawBufferPointer, scales newScales: UnsafeBufferPointer<Float>
  ) throws(ModelFileError) {
    do throws(ModelFileError) {
      guard let span = currentTensor, block.isEmpty else {
        throw ModelFileError("encoded values came when none were expected")
      }
      let size = span.groupSize == nil ? MemoryLayout<Float>.size : 1
      let count = values.count / size
      guard count * size == values.count, count <= span.elementCount - written,
        newScales.count * (span.groupSize ?? 1) == (span.groupSize == nil ? 0 : count)
      else {
        throw ModelFileError(
          "\(span.name): \(values.count) bytes and \(newScales.count) scales do not fit the tensor")
      }
      if written == 0 { scales.reserveCapacity(span.scaleCount) }
      try output.append(values)
      scales.append(contentsOf: newScales)
      written += count
      try endTensorIfComplete(span)
    } catch {
      cancel()
      throw error.at(output.path)
    }
  }

  /// Appends the tokenizer section, flushes to disk and renames.
  ///
  /// - Throws: ``ModelFileError`` when a tensor is incomplete or the disk fails.
  public func finish() throws(ModelFileError) {
    do throws(ModelFileError) {
      if let span = currentTensor {
        throw ModelFileError(
          "\(span.name) is incomplete: \(SizeText.grouped(written)) of"
            + " \(SizeText.grouped(span.elementCount)) values")
      }
      if let tokenizerSection {
        try output.append([UInt8](repeating: 0, count: layout.tokenizerStart - layout.weightsEnd))
        try output.append(tokenizerSection)
      }
      try output.commit()
    } catch {
      cancel()
      throw error.at(output.path)
    }
  }

  /// Gives up: removes the temporary file; does nothing after ``finish()``.
  public func cancel() {
    output.discard()
  }

  /// The largest of 64, 32, 16, 8, 4 that divides every row of the model, so that no group straddles
  /// two rows; 4 when none does.
  public static func largestGroupSize(for config: ModelConfig) -> Int {
    [64, 32, 16, 8].first { config.dim % $0 == 0 && config.hiddenDim % $0 == 0 } ?? 4
  }
}

// MARK: - Writing values

extension CheckpointWriter {
  private func appendChecked(
    _ values: UnsafeBufferPointer<Float>, to span: TensorSpan
  ) throws(ModelFileError) {
    var rest = values[...]
    while !rest.isEmpty {
      let part = rest.prefix(blockSize - block.count)
      block.append(contentsOf: UnsafeBufferPointer(rebasing: part))
      written += part.count
      rest = rest.dropFirst(part.count)
      if block.count == blockSize || written == span.elementCount { try writeBlock(span) }
    }
    try endTensorIfComplete(span)
  }

  /// After a tensor's last value: its scales, and the next tensor.
  private func endTensorIfComplete(_ span: TensorSpan) throws(ModelFileError) {
    guard written == span.elementCount else { return }
    try output.append(bytesOf: scales)
    scales.removeAll(keepingCapacity: true)
    current += 1
    written = 0
    if currentTensor?.role == .ropeTables { try writeRopeTables() }
  }

  private func writeBlock(_ span: TensorSpan) throws(ModelFileError) {
    let start = written - block.count
    try block.withUnsafeBufferPointer { values throws(ModelFileError) in
      if let index = values.firstNonFinite {
        throw ModelFileError(
          "\(span.name): value \(SizeText.grouped(start + index)) is \(values[index]); weights must"
            + " be finite", kind: .damagedNumbers)
      }
      guard let groupSize = span.groupSize else {
        return try output.append(UnsafeRawBufferPointer(values))
      }
      let (quantized, newScales) = GroupQuantization.quantize(values, groupSize: groupSize)
      try output.append(bytesOf: quantized)
      scales += newScales
    }
    block.removeAll(keepingCapacity: true)
  }

  /// Fills in the tables of v0 files as llama2.c's old export did, for programs that read them.
  private func writeRopeTables() throws(ModelFileError) {
    let tables = RopeTables(layout.config)
    for function in RopeTables.Function.allCases {
      for position in 0..<layout.config.contextLength {
        let row = tables.row(function, position: position)
        try row.withUnsafeBufferPointer { values throws(ModelFileError) in
          try append(values)
        }
      }
    }
  }
}

extension CheckpointWriter {
  /// Refuses a target that is an input, not a file, or there already.
  package static func checkTarget(
    _ path: String, overwrite: Bool, inputs: [String]
  ) throws(ModelFileError) {
    // What cannot be examined is not there, or cannot be created either, which then says why.
    guard let target = try? System.status(of: path) else { return }
    switch target.kind {
    case .regular: break
    case .directory: throw ModelFileError("is a directory", path: path, kind: .usage)
    case .other: throw ModelFileError("is not a regular file", path: path, kind: .usage)
    }
    for input in inputs
    where (try? System.status(of: input))?.identity == target.identity {
      throw ModelFileError(
        "is the input file \(input); give the output another name", path: path, kind: .usage)
    }
    guard overwrite else {
      throw ModelFileError(
        "exists; remove it or allow replacing it (--force)", path: path, kind: .usage)
    }
  }
}

extension OutputFile {
  /// Appends numbers as they stand in memory, which is little-endian.
  fileprivate func append<T: BitwiseCopyable>(bytesOf values: [T]) throws(ModelFileError) {
    try values.withUnsafeBufferPointer { view throws(ModelFileError) in
      try append(UnsafeRawBufferPointer(view))
    }
  }
}
