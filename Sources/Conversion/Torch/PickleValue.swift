/// What a pickle of a torch checkpoint can consist of; nothing in it does anything.
///
/// Containers are numbers of places in a ``Pickle``: no value holds another, so that no file can make
/// them nest deep or hold each other.
enum PickleValue {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  case tuple(Int)
  /// No list has anything to say about weights: its items are dropped.
  case list
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)

  /// An integer's value.
  var int: Int? {
    guard case .int(let value) = self else { return nil }
    return value
  }

  /// A number's value.
  var double: Double? {
    switch self {
    case .int(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }

  /// What kind of value it is, for errors.
  var summary: String {
    switch self {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): "\(value)"
    case .float(let value): "\(value)"
    case .string(let value): "'\(value.prefix(40))'"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .global(let global): global.rawValue
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// A decoded pickle.
struct Pickle {
  /// The value it is of.
  fileprivate(set) var root = PickleValue.none
  /// Containers and members so far, which is what a pickle costs in memory.
  private(set) var count = 0
  private var tuples: [[PickleValue]] = []
  private var dictionaries: [[(name: String, value: PickleValue)]] = []

  /// The members of a dictionary by their names, later ones over earlier ones; `nil` for other values.
  ///
  /// Members whose key is not text are left out.
  func members(of value: PickleValue?) -> [String: PickleValue]? {
    guard case .dictionary(let index)? = value else { return nil }
    return Dictionary(dictionaries[index].map { ($0.name, $0.value) }) { $1 }
  }

  /// The items of a tuple; `nil` for other values.
  func items(of value: PickleValue) -> [PickleValue]? {
    guard case .tuple(let index) = value else { return nil }
    return tuples[index]
  }

  /// Adds a tuple.
  mutating func makeTuple(_ items: [PickleValue]) -> PickleValue {
    count += 1 + items.count
    tuples.append(items)
    return .tuple(tuples.count - 1)
  }

  /// Adds a dictionary, an empty one.
  mutating func makeDictionary() -> PickleValue {
    count += 1
    dictionaries.append([])
    return .dictionary(dictionaries.count - 1)
  }

  /// Adds a member to a dictionary.
  mutating func set(_ key: PickleValue, to value: PickleValue, in dictionary: Int) {
    guard case .string(let name) = key else { return }
    count += 1
    dictionaries[dictionary].append((name, value))
  }

  /// Completes the pickle.
  mutating func end(with value: PickleValue) { root = value }
}

/// The only names a pickle may ask for; none of them is ever called.
enum PickleGlobal: String {
  case orderedDictionary = "collections.OrderedDict"
  case rebuildTensor = "torch._utils._rebuild_tensor_v2"
  case rebuildParameter = "torch._utils._rebuild_parameter"
  case float = "torch.FloatStorage"
  case half = "torch.HalfStorage"
  case bfloat16 = "torch.BFloat16Storage"
  case double = "torch.DoubleStorage"
  case long = "torch.LongStorage"
  case int = "torch.IntStorage"

  /// Bytes of an element, for the types of storage.
  var elementBytes: Int? {
    switch self {
    case .float, .int: 4
    case .half, .bfloat16: 2
    case .double, .long: 8
    default: nil
    }
  }

  /// The type, for storages of weights.
  var elementType: ElementType? {
    switch self {
    case .float: .f32
    case .half: .f16
    case .bfloat16: .bf16
    default: nil
    }
  }
}

/// Bytes in the archive that tensors are views of.
struct PickleStorage {
  var type: PickleGlobal
  /// The name of the archive's entry.
  var key: String
  /// Number of elements.
  var count: Int
}

/// A view of a storage.
struct PickleTensor {
  var storage: PickleStorage
  /// The first element.
  var offset: Int
  var shape: [Int]
  var strides: [Int]
}
