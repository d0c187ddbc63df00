/// Builds pickles of protocol 2 as `torch.save` writes them, and the archives around them.
package struct PickleBuilder {
  /// A tensor of a checkpoint.
  package struct Tensor {
    package var name: String
    package var shape: [Int]
    package var values: [Float]
    package var storage = "FloatStorage"
    /// Written instead of the right numbers.
    package var strides: [Int]?
    package var offset = 0
    package var storageCount: Int?

    package init(_ name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }

    fileprivate var data: [UInt8] {
      switch storage {
      case "HalfStorage": values.flatMap { le(Self.half($0)) }
      case "BFloat16Storage": values.flatMap { le(UInt16($0.bitPattern >> 16)) }
      default: values.flatMap { le($0.bitPattern) }
      }
    }

    /// The half of a value that has one exactly, and is not subnormal.
    package static func half(_ value: Float) -> UInt16 {
      guard value != 0 else { return 0 }
      let bits = value.bitPattern
      let exponent = UInt16(bits >> 23 & 0xFF) &- 112
      return UInt16(bits >> 16 & 0x8000) | exponent << 10 | UInt16(bits >> 13 & 0x3FF)
    }
  }

  /// Opcodes and operands so far.
  package private(set) var bytes: [UInt8] = [0x80, 2]

  package init() {}

  /// Appends opcodes as they are.
  package mutating func raw(_ bytes: [UInt8]) { self.bytes += bytes }

  package mutating func string(_ text: String) {
    bytes += [UInt8(ascii: "X")] + le(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  package mutating func int(_ value: Int) { bytes += [UInt8(ascii: "J")] + le(Int32(value)) }

  package mutating func global(_ module: String, _ name: String) {
    bytes += [UInt8(ascii: "c")] + Array("\(module)\n\(name)\n".utf8)
  }

  /// Appends a tuple of whole numbers.
  package mutating func tuple(_ values: [Int]) {
    bytes.append(UInt8(ascii: "("))
    for value in values { int(value) }
    bytes.append(UInt8(ascii: "t"))
  }

  /// Appends a tensor whose storage is the archive's entry `key`.
  package mutating func tensor(_ tensor: Tensor, key: Int) {
    global("torch._utils", "_rebuild_tensor_v2")
    raw([UInt8(ascii: "("), UInt8(ascii: "(")])
    string("storage")
    global("torch", tensor.storage)
    string("\(key)")
    string("cpu")
    int(tensor.storageCount ?? tensor.values.count)
    raw([UInt8(ascii: "t"), UInt8(ascii: "Q")])
    int(tensor.offset)
    tuple(tensor.shape)
    let strides = tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1, *) }
    tuple(tensor.strides ?? strides)
    raw([0x89])
    global("collections", "OrderedDict")
    raw([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "t"), UInt8(ascii: "R")])
  }

  /// Appends an OrderedDict of tensors, with the state that a module's has.
  package mutating func stateDictionary(_ tensors: [Tensor]) {
    global("collections", "OrderedDict")
    raw([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "q"), 7, UInt8(ascii: "(")])
    for (key, tensor) in tensors.enumerated() {
      string(tensor.name)
      self.tensor(tensor, key: key)
    }
    raw([UInt8(ascii: "u"), UInt8(ascii: "}")])
    string("_metadata")
    raw([UInt8(ascii: "h"), 7, UInt8(ascii: "s"), UInt8(ascii: "b")])
  }

  /// The pickle, complete.
  package func ended() -> [UInt8] { bytes + [UInt8(ascii: ".")] }

  /// The entries of an archive with this pickle and the tensors' storages.
  package static func archive(_ pickle: [UInt8], _ tensors: [Tensor]) -> ZipBuilder {
    var entries = [
      ZipBuilder.Entry("archive/data.pkl", pickle),
      ZipBuilder.Entry("archive/byteorder", Array("little".utf8)),
    ]
    for (key, tensor) in tensors.enumerated() {
      var entry = ZipBuilder.Entry("archive/data/\(key)", tensor.data)
      entry.padding = 16
      entries.append(entry)
    }
    entries.append(ZipBuilder.Entry("archive/version", Array("3\n".utf8)))
    return ZipBuilder(entries)
  }

  /// A file of a state dictionary alone, as Meta's and Hugging Face's are.
  package static func stateFile(_ tensors: [Tensor]) -> ZipBuilder {
    var pickle = PickleBuilder()
    pickle.stateDictionary(tensors)
    return archive(pickle.ended(), tensors)
  }

  /// A checkpoint of llama2.c's train.py.
  package static func checkpoint(
    _ tensors: [Tensor], arguments: [(key: String, value: Int)]
  ) -> ZipBuilder {
    var pickle = PickleBuilder()
    pickle.raw([UInt8(ascii: "}"), UInt8(ascii: "(")])
    pickle.string("model")
    pickle.stateDictionary(tensors)
    pickle.string("model_args")
    pickle.raw([UInt8(ascii: "}"), UInt8(ascii: "(")])
    for (key, value) in arguments {
      pickle.string(key)
      pickle.int(value)
    }
    pickle.raw([UInt8(ascii: "u")])
    pickle.string("iter_num")
    pickle.raw([0x8A, 2, 0x10, 0x27])
    pickle.string("config")
    pickle.raw([UInt8(ascii: "]"), UInt8(ascii: "N"), UInt8(ascii: "a"), UInt8(ascii: "u")])
    return archive(pickle.ended(), tensors)
  }
}
