import ModelFile

/// Decodes the pickle of a torch checkpoint without running anything.
///
/// The opcodes are those that `torch.save` writes with protocol 2 and `torch.load(weights_only=True)` knows
/// (`torch/_weights_only_unpickler.py`); the names it may ask for are ``PickleGlobal``'s. Where Python would
/// call a function, this only builds the description of a tensor.
struct PickleDecoder {
  /// What is wrong, without the file's name.
  struct Problem: Error { var reason: String }

  private static let maxStack = 100_000
  private static let maxMemo = 1_000_000
  /// Several times what the most tensors there may be take.
  private static let maxMembers = 2_000_000

  private var reader: ByteReader
  private var stack: [PickleValue] = []
  /// Heights of the stack at the marks.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var pickle = Pickle()

  private init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

  /// The value of a pickle.
  ///
  /// - Throws: ``Problem`` naming the byte.
  static func decode(_ bytes: UnsafeRawBufferPointer) throws -> Pickle {
    var decoder = PickleDecoder(bytes)
    do {
      while true {
        let offset = decoder.reader.offset
        let opcode = try decoder.reader.read(UInt8.self, "opcode")
        if opcode == UInt8(ascii: ".") { break }
        try decoder.run(opcode, at: offset)
        guard decoder.stack.count <= maxStack, decoder.memo.count <= maxMemo,
          decoder.pickle.count <= maxMembers
        else {
          throw Problem(
            reason: "needs more stack, memo or members than any checkpoint, at byte \(offset)")
        }
      }
      guard decoder.stack.count == 1, decoder.marks.isEmpty, decoder.reader.remaining == 0,
        let value = decoder.stack.first
      else { throw Problem(reason: "does not end with its one value") }
      decoder.pickle.end(with: value)
      return decoder.pickle
    } catch let error as ModelFileError {
      throw Problem(reason: error.reason)
    }
  }

  private mutating func run(_ opcode: UInt8, at offset: Int) throws {
    switch opcode {
    case 0x80:
      let version = try reader.read(UInt8.self, "protocol")
      guard version == 2 else {
        throw Problem(reason: "is of protocol \(version); torch writes protocol 2")
      }
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "]"): stack.append(.list)
    case UInt8(ascii: "}"), 0x8F: stack.append(pickle.makeDictionary())
    case UInt8(ascii: ")"): stack.append(pickle.makeTuple([]))
    case 0x85...0x87:
      stack.append(pickle.makeTuple(try pop(Int(opcode - 0x84), offset)))
    case UInt8(ascii: "t"): stack.append(pickle.makeTuple(try popToMark(offset)))
    case UInt8(ascii: "a"), UInt8(ascii: "e"):
      _ = try opcode == UInt8(ascii: "a") ? pop(1, offset) : popToMark(offset)
      guard case .list = stack.last else { throw unexpected("a list", offset) }
    case UInt8(ascii: "s"), UInt8(ascii: "u"):
      try setItems(try opcode == UInt8(ascii: "s") ? pop(2, offset) : popToMark(offset), offset)
    case UInt8(ascii: "b"): try build(offset)
    case UInt8(ascii: "c"): stack.append(.global(try global(offset)))
    case UInt8(ascii: "Q"): stack.append(.storage(try storage(offset)))
    case UInt8(ascii: "R"): try reduce(offset)
    case UInt8(ascii: "q"), UInt8(ascii: "r"): try remember(opcode, offset)
    case UInt8(ascii: "h"), UInt8(ascii: "j"):
      let index = try memoIndex(isLong: opcode == UInt8(ascii: "j"))
      guard let value = memo[index] else { throw Problem(reason: "memo \(index) is empty") }
      stack.append(value)
    default: stack.append(try scalar(opcode, offset))
    }
  }

  private mutating func scalar(_ opcode: UInt8, _ offset: Int) throws -> PickleValue {
    switch opcode {
    case UInt8(ascii: "J"): return .int(Int(try reader.read(Int32.self, "integer")))
    case UInt8(ascii: "K"): return .int(Int(try reader.read(UInt8.self, "integer")))
    case UInt8(ascii: "M"): return .int(Int(try reader.read(UInt16.self, "integer")))
    case 0x8A:
      let count = Int(try reader.read(UInt8.self, "integer's length"))
      guard count <= 8 else { throw Problem(reason: "has an integer of \(count) bytes") }
      let bytes = try reader.read(count: count, "integer")
      var value = (bytes.last ?? 0) >= 0x80 ? UInt64.max : 0
      for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
      return .int(Int(truncatingIfNeeded: value))
    case UInt8(ascii: "G"):
      let bits = try reader.read(UInt64.self, "float").byteSwapped
      return .float(Double(bitPattern: bits))
    case UInt8(ascii: "X"):
      return .string(try text(Int(try reader.read(UInt32.self, "text's length")), offset))
    case UInt8(ascii: "U"):
      return .string(try text(Int(try reader.read(UInt8.self, "text's length")), offset))
    default:
      let name =
        0x21...0x7E ~= opcode ? "'\(Unicode.Scalar(opcode))'" : "0x\(String(opcode, radix: 16))"
      throw Problem(reason: "refused: opcode \(name) at byte \(offset) is none that weights need")
    }
  }

  // MARK: - The stack

  private func unexpected(_ expected: String, _ offset: Int) -> Problem {
    Problem(
      reason: "expected \(expected) at byte \(offset), found \(stack.last?.summary ?? "nothing")")
  }

  /// Takes values above the last mark, the topmost last.
  private mutating func pop(_ count: Int, _ offset: Int) throws -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw Problem(reason: "takes more from the stack than is there, at byte \(offset)")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark(_ offset: Int) throws -> [PickleValue] {
    guard let mark = marks.popLast() else {
      throw Problem(reason: "there is no mark on the stack at byte \(offset)")
    }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func setItems(_ items: [PickleValue], _ offset: Int) throws {
    guard case .dictionary(let dictionary) = stack.last, items.count % 2 == 0 else {
      throw unexpected("a dictionary and pairs", offset)
    }
    for index in stride(from: 0, to: items.count, by: 2) {
      pickle.set(items[index], to: items[index + 1], in: dictionary)
    }
  }

  private mutating func remember(_ opcode: UInt8, _ offset: Int) throws {
    let index = try memoIndex(isLong: opcode == UInt8(ascii: "r"))
    guard index < Self.maxMemo, let value = stack.last else {
      throw Problem(reason: "memo \(index) at byte \(offset) cannot be filled")
    }
    memo[index] = value
  }

  private mutating func memoIndex(isLong: Bool) throws -> Int {
    isLong
      ? Int(try reader.read(UInt32.self, "memo index"))
      : Int(try reader.read(UInt8.self, "memo index"))
  }

  private mutating func text(_ count: Int, _ offset: Int) throws -> String {
    let bytes = try reader.read(count: count, "text")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Problem(reason: "text at byte \(offset) is not UTF-8")
    }
    return text
  }

  // MARK: - What Python would call

  private mutating func global(_ offset: Int) throws -> PickleGlobal {
    func line() throws -> String {
      var bytes: [UInt8] = []
      while bytes.count <= 256 {
        let byte = try reader.read(UInt8.self, "name")
        if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
        bytes.append(byte)
      }
      throw Problem(reason: "has a name of more than 256 bytes at byte \(offset)")
    }
    let name = try line() + "." + line()
    guard let global = PickleGlobal(rawValue: name) else {
      throw Problem(reason: "refused: pickle asks for \(name) at byte \(offset)")
    }
    return global
  }

  /// The state of an OrderedDict says nothing about weights.
  private mutating func build(_ offset: Int) throws {
    _ = try pop(1, offset)
    guard case .dictionary = stack.last else { throw unexpected("an OrderedDict", offset) }
  }

  /// `('storage', type, key, location, count)`.
  private mutating func storage(_ offset: Int) throws -> PickleStorage {
    guard let parts = try pop(1, offset).first.flatMap(pickle.items), parts.count == 5,
      case .string("storage") = parts[0], case .global(let type) = parts[1],
      type.elementBytes != nil, case .string(let key) = parts[2], case .string = parts[3],
      let count = parts[4].int, count >= 0
    else { throw Problem(reason: "refused: the reference at byte \(offset) is to no storage") }
    return PickleStorage(type: type, key: key, count: count)
  }

  private mutating func reduce(_ offset: Int) throws {
    let operands = try pop(2, offset)
    guard case .global(let global) = operands[0], let arguments = pickle.items(of: operands[1])
    else {
      throw Problem(reason: "refused: a call of no known name at byte \(offset)")
    }
    switch global {
    case .orderedDictionary:
      guard arguments.isEmpty else {
        throw Problem(reason: "refused: an OrderedDict with arguments at byte \(offset)")
      }
      stack.append(pickle.makeDictionary())
    case .rebuildTensor: stack.append(.tensor(try tensor(arguments, offset)))
    case .rebuildParameter:
      guard case .tensor(let tensor)? = arguments.first else {
        throw Problem(reason: "refused: a parameter of no tensor at byte \(offset)")
      }
      stack.append(.tensor(tensor))
    default:
      throw Problem(reason: "refused: pickle calls \(global.rawValue) at byte \(offset)")
    }
  }

  /// `(storage, offset, shape, strides, …)`.
  private func tensor(_ arguments: [PickleValue], _ offset: Int) throws -> PickleTensor {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      let first = arguments[1].int, let shape = pickle.items(of: arguments[2]),
      let strides = pickle.items(of: arguments[3]), shape.count == strides.count, shape.count <= 8
    else { throw Problem(reason: "the tensor at byte \(offset) is not described as torch does") }
    let sizes = shape.compactMap(\.int)
    let steps = strides.compactMap(\.int)
    guard first >= 0, sizes.count == shape.count, steps.count == shape.count,
      sizes.allSatisfy({ $0 >= 0 }), steps.allSatisfy({ $0 >= 0 })
    else { throw Problem(reason: "the tensor at byte \(offset) has an impossible shape") }
    return PickleTensor(storage: storage, offset: first, shape: sizes, strides: steps)
  }
}
