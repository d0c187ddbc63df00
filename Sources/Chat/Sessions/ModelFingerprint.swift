import Inference
import ModelFile
import Tokenization

/// What tells one model, with its tokenizer, from another.
///
/// Weights are known by samples from all over the file, so it takes milliseconds whatever the size. That
/// tells models apart that were made for different ends; it is no seal against forgery.
public struct ModelFingerprint: Hashable, Sendable {
  /// Bytes of the model file.
  public var fileSize: UInt64
  /// A hash of the header, of samples of the weights, and of the end of the file.
  public var weights: UInt64
  /// A hash of all pieces of the tokenizer in use.
  public var vocabulary: UInt64

  /// Bytes of each sample, and how many there are.
  private static let sample = (bytes: 4096, count: 64)

  init(fileSize: UInt64, weights: UInt64, vocabulary: UInt64) {
    self.fileSize = fileSize
    self.weights = weights
    self.vocabulary = vocabulary
  }

  /// The fingerprint of a model and the vocabulary it is used with.
  public init(of model: Model, vocabulary: Vocabulary) {
    let bytes = model.checkpoint.bytes
    fileSize = UInt64(bytes.count)
    var hash = FNV1a()
    let last = max(0, bytes.count - Self.sample.bytes)
    for index in 0...Self.sample.count {
      // Sizes are below 2⁵⁶, so this does not overflow.
      let start = last / Self.sample.count * index
      hash.add(bytes[start..<min(start + Self.sample.bytes, bytes.count)])
    }
    hash.add(bytes[last...])
    weights = hash.value

    hash = FNV1a()
    hash.add([vocabulary.kind.rawValue, vocabulary.addsSpacePrefix ? 1 : 0])
    for index in 0..<vocabulary.count {
      hash.add(vocabulary.pieces[index])
      hash.add(CollectionOfOne(vocabulary.kinds[index].rawValue))
    }
    self.vocabulary = hash.value
  }

  /// As the bytes that a file is keyed by.
  var key: [UInt8] {
    var bytes: [UInt8] = []
    for value in [fileSize, weights, vocabulary] { bytes.append(littleEndian: value) }
    return bytes
  }

  /// Why chats of `self` are not chats of `other`; `nil` when they are.
  func difference(from other: ModelFingerprint, named name: String) -> String? {
    if self == other { return nil }
    if fileSize != other.fileSize {
      return "was made with \(name) of \(SizeText.grouped(Int(clamping: fileSize))) bytes;"
        + " this model has \(SizeText.grouped(Int(clamping: other.fileSize)))"
    }
    if weights != other.weights { return "was made with \(name), which has other weights" }
    return "was made with \(name) and another tokenizer"
  }
}

/// The 64-bit hash of Fowler, Noll and Vo, variant 1a.
private struct FNV1a {
  var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}
