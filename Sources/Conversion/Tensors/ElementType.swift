/// How a tensor's values are stored; raw values are GGUF's type numbers.
///
/// safetensors and torch archives know the first three kinds alone: F32, F16 and BF16. A row is a sequence of blocks, each of `blockSize` values in `blockBytes` bytes (`ggml.h`,
/// `ggml-common.h`).
enum ElementType: UInt32, CaseIterable, Sendable {
  case f32 = 0
  case f16 = 1
  case q40 = 2
  case q41 = 3
  case q50 = 6
  case q51 = 7
  case q80 = 8
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case bf16 = 30

  /// Values in a block.
  var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q40, .q41, .q50, .q51, .q80: 32
    case .q4K, .q5K, .q6K: 256
    }
  }

  /// Bytes of a block.
  var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q40: 18
    case .q41: 20
    case .q50: 22
    case .q51: 24
    case .q80: 34
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    }
  }

  /// The name people know it by.
  var name: String { Self.name(ofTypeNumber: rawValue) }

  /// The names of all types that can be read.
  static var supportedNames: String { allCases.map(\.name).joined(separator: ", ") }

  /// The name of any type of the format, readable here or not.
  static func name(ofTypeNumber number: UInt32) -> String {
    names[number] ?? "of unknown type \(number)"
  }

  private static let names: [UInt32: String] = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S",
    23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16",
    34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
  ]
}
