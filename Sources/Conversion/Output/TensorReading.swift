import Foundation
import ModelFile

/// Some rows of a tensor, read and decoded: what is in memory of a model at one time.
final class TensorChunk {
  fileprivate(set) var values: [Float] = []
  /// The values as int8, when they are wanted so.
  fileprivate(set) var quantized: [Int8] = []
  fileprivate(set) var scales: [Float] = []
  /// Stored bytes, as they come from the files.
  private var scratch: [UInt8] = []

  /// Reads rows of a tensor.
  func read(_ rows: Range<Int>, of tensor: SourceTensor) throws {
    values.resize(to: rows.count * tensor.columns, filling: 0)
    scratch.resize(to: tensor.scratchSize(rowCount: rows.count), filling: 0)
    try scratch.withUnsafeMutableBytes { scratch in
      try values.withUnsafeMutableBufferPointer {
        try tensor.read(rows: rows, scratch: scratch, into: $0)
      }
    }
    quantized.removeAll(keepingCapacity: true)
    scales.removeAll(keepingCapacity: true)
  }

  /// Quantises the values; they must be whole groups.
  fileprivate func quantize(groupSize: Int) {
    quantized.resize(to: values.count, filling: 0)
    scales.resize(to: values.count / groupSize, filling: 0)
    values.withUnsafeBufferPointer { values in
      quantized.withUnsafeMutableBufferPointer { quantized in
        scales.withUnsafeMutableBufferPointer {
          GroupQuantization.quantize(values, groupSize: groupSize, into: quantized, scales: $0)
        }
      }
    }
  }

  /// Takes the int8 values and scales of a tensor as they are stored.
  fileprivate func copy(_ rows: Range<Int>, of tensor: StoredTensor, groupSize: Int) throws {
    guard case .int8(let scalesOffset, _) = tensor.encoding else { return }
    let first = rows.lowerBound * tensor.columns
    values.removeAll(keepingCapacity: true)
    quantized.resize(to: rows.count * tensor.columns, filling: 0)
    scales.resize(to: quantized.count / groupSize, filling: 0)
    try quantized.withUnsafeMutableBytes {
      try tensor.file.read(at: tensor.offset + first, into: $0)
    }
    try scales.withUnsafeMutableBytes {
      try tensor.file.read(
        at: scalesOffset + first / groupSize * MemoryLayout<Float>.size, into: $0)
    }
    if let index = scales.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      throw ConversionError(
        place: tensor.file.path,
        reason: "\(tensor.name): scale \(first / groupSize + index) is \(scales[index]); "
          + "must be finite and not negative", kind: .damagedNumbers)
    }
  }
}

extension Array {
  /// Makes the array this long without giving memory back.
  fileprivate mutating func resize(to count: Int, filling value: Element) {
    if count < self.count {
      removeLast(self.count - count)
    } else {
      append(contentsOf: repeatElement(value, count: count - self.count))
    }
  }
}

/// Reads tensors in chunks of whole rows, on all processors, and hands the chunks over in order.
struct TensorReading: Sendable {
  /// Values of a chunk, unless one row has more: 1 MB as fp32, which stays in the cache.
  private static let chunkValues = 1 << 18
  /// More threads than any disk keeps busy; each costs some megabytes.
  private static let maximumThreads = 8

  /// A tensor to read.
  struct Item: Sendable {
    var tensor: SourceTensor
    /// Rows of a chunk are a multiple of this, so that whole groups or heads are in it.
    var rowMultiple = 1
    /// Quantise in groups of this size.
    var groupSize: Int?
  }

  private struct Chunk: Sendable {
    var item: Int
    var rows: Range<Int>
  }

  let items: [Item]
  private let chunks: [Chunk]

  init(_ items: [Item]) {
    self.items = items
    chunks = items.enumerated().flatMap { number, item -> [Chunk] in
      let tensor = item.tensor
      let usual = max(1, Self.chunkValues / max(1, tensor.columns))
      let step = (usual + item.rowMultiple - 1) / item.rowMultiple * item.rowMultiple
      return stride(from: 0, to: tensor.rows, by: step).map {
        Chunk(item: number, rows: $0..<min($0 + step, tensor.rows))
      }
    }
  }

  /// Reads everything.
  ///
  /// - Parameter body: Called in order with each chunk, its item's number, and its rows.
  /// - Throws: ``ConversionError`` for a damaged value or a file that cannot be read, and what `body`
  ///   throws.
  func run(_ body: (_ chunk: TensorChunk, _ item: Int, _ rows: Range<Int>) throws -> Void) throws {
    let threads = min(
      Self.maximumThreads, max(1, ProcessInfo.processInfo.activeProcessorCount), chunks.count)
    let pipeline = OrderedPipeline(
      pieces: chunks.count, slots: (0..<threads + 2).map { _ in TensorChunk() })
    try pipeline.run(threads: threads) { [chunks, items] piece, chunk in
      let item = items[chunks[piece].item]
      let rows = chunks[piece].rows
      if let groupSize = item.groupSize, let part = item.tensor.parts.first,
        case .int8(_, groupSize) = part.encoding
      {
        // Quantised just so already: rounding again could move a scale by its last bit.
        return try chunk.copy(rows, of: part, groupSize: groupSize)
      }
      try chunk.read(rows, of: item.tensor)
      if let groupSize = item.groupSize { chunk.quantize(groupSize: groupSize) }
    } consume: { piece, chunk in
      try body(chunk, chunks[piece].item, chunks[piece].rows)
    }
  }
}
