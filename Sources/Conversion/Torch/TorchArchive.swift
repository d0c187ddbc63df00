import ModelFile

/// A file that `torch.save` of torch 1.6 or later wrote: a zip archive with one pickle and its storages.
struct TorchArchive {
  private static let maxPickleBytes = 64 << 20
  private static let maxTensors = 65_536

  let input: InputFile
  /// What the pickle says.
  let pickle: Pickle
  /// The storages' entries by their key.
  private let storages: [String: ZipDirectory.Entry]

  init(path: String) throws {
    let input = try InputFile(path: path)
    self.input = input
    try Self.checkIsZip(input)
    let directory = try ZipDirectory(input)
    let pickles = directory.entries.filter { $0.name.hasSuffix("/data.pkl") }
    guard let entry = pickles.first, pickles.count == 1 else {
      throw input.damaged(
        "has \(pickles.count) entries */data.pkl; a torch checkpoint has one (TorchScript archives and "
          + "other zip files cannot be read)")
    }
    let root = String(entry.name.dropLast("data.pkl".count))
    try Self.checkByteOrder(directory, root)
    guard entry.size <= Self.maxPickleBytes else {
      throw input.damaged(
        "\(entry.name) is \(SizeText.bytes(entry.size)); at most "
          + "\(SizeText.bytes(Self.maxPickleBytes)) are accepted")
    }
    let bytes = try input.bytes(at: entry.offset, count: entry.size)
    guard CRC32.checksum(bytes) == entry.checksum else {
      throw input.damaged("\(entry.name) is damaged: its CRC-32 is not what the directory says")
    }
    do {
      pickle = try bytes.withUnsafeBytes(PickleDecoder.decode)
    } catch let problem as PickleDecoder.Problem {
      throw input.damaged("\(entry.name): \(problem.reason)")
    }
    let prefix = root + "data/"
    storages = Dictionary(
      directory.entries.filter { $0.name.hasPrefix(prefix) }
        .map { (String($0.name.dropFirst(prefix.count)), $0) }
    ) { first, _ in first }
  }

  private static func checkIsZip(_ input: InputFile) throws {
    let beginning = try input.bytes(at: 0, count: min(input.size, 264))
    if beginning.starts(with: [0x50, 0x4B, 3, 4]) { return }
    if beginning.first == 0x80 || beginning.dropFirst(257).starts(with: "ustar".utf8) {
      throw input.damaged(
        "was saved by an old torch; load and save it again with torch 1.6 or later")
    }
    throw input.damaged("is not a torch checkpoint (a zip archive)")
  }

  private static func checkByteOrder(_ directory: ZipDirectory, _ root: String) throws {
    guard let entry = directory.entries.first(where: { $0.name == root + "byteorder" }) else {
      return
    }
    let text = try directory.input.bytes(at: entry.offset, count: min(entry.size, 16))
    guard text == Array("little".utf8) else {
      throw directory.input.damaged("holds big-endian weights; save it again on a usual machine")
    }
  }

  /// The tensors of a dictionary of tensors, the pickle's own when none is given.
  ///
  /// - Parameter dictionary: What `model` or the like is in the pickle.
  /// - Throws: ``ConversionError`` for a tensor that cannot be read as it stands.
  func stateDictionary(_ dictionary: PickleValue? = nil) throws -> [StoredTensor] {
    guard let members = pickle.members(of: dictionary ?? pickle.root) else {
      throw input.damaged("holds \(pickle.root.summary); expected a dictionary of tensors")
    }
    guard members.count <= Self.maxTensors else {
      throw input.damaged("has \(members.count) tensors; at most \(Self.maxTensors) are accepted")
    }
    return try members.sorted { $0.key < $1.key }.compactMap { name, value in
      guard case .tensor(let tensor) = value else {
        throw input.damaged("'\(name)' is \(value.summary); expected a tensor")
      }
      return try stored(tensor, name)
    }
  }

  /// A tensor's place in the file; `nil` for buffers that are no weights.
  private func stored(_ tensor: PickleTensor, _ name: String) throws -> StoredTensor? {
    guard name.utf8.count <= 256, name.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
      throw input.damaged("a tensor's name is long or not printable ASCII")
    }
    func refused(_ reason: String) -> ConversionError {
      input.damaged("tensor '\(name)' \(reason)")
    }
    let storage = tensor.storage
    guard let entry = storages[storage.key] else {
      throw refused("is in storage '\(storage.key)', which the archive does not have")
    }
    guard let type = storage.type.elementType else {
      if Self.isBuffer(name) { return nil }
      throw refused("is of \(storage.type.rawValue); Float, Half and BFloat16 can be read")
    }
    guard TensorSize.product(storage.count, type.blockBytes) == entry.size else {
      throw refused(
        "is in a storage of \(storage.count) elements, whose entry '\(entry.name)' has \(entry.size) "
          + "bytes")
    }
    guard
      let (rows, columns, byteCount) = TensorSize.of(tensor.shape, elementBytes: type.blockBytes)
    else { throw refused("has the impossible shape \(tensor.shape)") }
    guard Self.isContiguous(tensor) else {
      throw refused("has the strides \(tensor.strides); save it again with .contiguous()")
    }
    guard tensor.offset <= storage.count,
      byteCount / type.blockBytes <= storage.count - tensor.offset
    else { throw refused("of shape \(tensor.shape) reaches past the end of its storage") }
    return StoredTensor(
      name: name, file: input, offset: entry.offset + tensor.offset * type.blockBytes, rows: rows,
      columns: columns, encoding: .blocks(type))
  }

  /// Whether elements follow each other in C order; the stride of a dimension of 1 does not matter.
  private static func isContiguous(_ tensor: PickleTensor) -> Bool {
    var expected = 1
    for (size, stride) in zip(tensor.shape, tensor.strides).reversed() where size != 1 {
      guard stride == expected else { return false }
      // The shape's product was found not to overflow.
      expected *= size
    }
    return true
  }

  private static func isBuffer(_ name: String) -> Bool {
    name.hasSuffix(".inv_freq") || name.hasSuffix("mask")
  }
}
