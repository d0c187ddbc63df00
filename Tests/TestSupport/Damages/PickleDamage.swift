/// A pickle, and what the error must say.
package struct PickleDamage: Sendable, CustomStringConvertible {
  package let name: String
  package let expected: String
  package let bytes: [UInt8]
  package var description: String { name }

  package init(_ name: String, _ expected: String, _ make: (inout PickleBuilder) -> Void) {
    self.name = name
    self.expected = expected
    var builder = PickleBuilder()
    make(&builder)
    bytes = builder.ended()
  }

  private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  package static let all: [PickleDamage] = [
    PickleDamage("system", "refused: pickle asks for posix.system at byte 2") {
      $0.global("posix", "system")
    },
    PickleDamage("eval", "refused: pickle asks for builtins.eval") {
      $0.global("builtins", "eval")
    },
    PickleDamage("lookalike", "refused: pickle asks for collections.OrderedDict.x") {
      $0.global("collections", "OrderedDict.x")
    },
    PickleDamage("endless name", "has a name of more than 256 bytes") {
      $0.global(String(repeating: "a", count: 300), "b")
    },
    PickleDamage("storage as function", "refused: pickle calls torch.FloatStorage") {
      $0.global("torch", "FloatStorage")
      $0.raw(ascii(")R"))
    },
    PickleDamage("call of a number", "refused: a call of no known name") { builder in
      builder.int(1)
      builder.raw(ascii(")R"))
    },
    PickleDamage("arguments", "an OrderedDict with arguments") { builder in
      builder.global("collections", "OrderedDict")
      builder.tuple([1])
      builder.raw(ascii("R"))
    },
    PickleDamage("STACK_GLOBAL", "opcode 0x93") { $0.raw([0x93]) },
    PickleDamage("NEWOBJ", "opcode 0x81") { $0.raw([0x81]) },
    PickleDamage("INST", "opcode 'i'") { $0.raw(ascii("i")) },
    PickleDamage("OBJ", "opcode 'o'") { $0.raw(ascii("o")) },
    PickleDamage("EXT1", "opcode 0x82") { $0.raw([0x82, 1]) },
    PickleDamage("protocol 4", "protocol 4") { $0.raw([0x80, 4]) },
    PickleDamage("frame", "opcode 0x95") { $0.raw([0x95]) },
    PickleDamage("empty stack", "takes more from the stack") { $0.raw([0x85]) },
    PickleDamage("no mark", "there is no mark") { $0.raw(ascii("t")) },
    PickleDamage("pop under mark", "takes more from the stack") { $0.raw(ascii("N(") + [0x85]) },
    PickleDamage("append to a number", "expected a list") {
      $0.raw(ascii("K") + [1] + ascii("Na"))
    },
    PickleDamage("odd items", "expected a dictionary and pairs") { $0.raw(ascii("}(Nu")) },
    PickleDamage("build of a list", "expected an OrderedDict") { $0.raw(ascii("]}b")) },
    PickleDamage("memo", "memo 9 is empty") { $0.raw(ascii("h") + [9]) },
    PickleDamage("far memo", "cannot be filled") { $0.raw(ascii("Nr") + le(UInt32.max)) },
    PickleDamage("long integer", "has an integer of 9 bytes") {
      $0.raw([0x8A, 9] + [UInt8](1...9))
    },
    PickleDamage("long text", "needs 4,294,967,295 bytes") { $0.raw(ascii("X") + le(UInt32.max)) },
    PickleDamage("text", "is not UTF-8") { $0.raw(ascii("X") + le(UInt32(1)) + [0xFF]) },
    PickleDamage("two values", "does not end with its one value") { $0.raw(ascii("NN")) },
    PickleDamage("no value", "does not end with its one value") { _ in },
    PickleDamage("open mark", "does not end with its one value") { $0.raw(ascii("N(")) },
    PickleDamage("reference", "refused: the reference at byte") { $0.raw(ascii("NQ")) },
    PickleDamage("tall stack", "needs more stack, memo or members") {
      $0.raw([UInt8](repeating: UInt8(ascii: "N"), count: 100_002))
    },
  ]
}

extension PickleDamage {
  /// A checkpoint that has it inside.
  package var asSource: SourceDamage {
    SourceDamage(name, expected) { [bytes] _, folder in
      try folder.write("ckpt.pt", PickleBuilder.archive(bytes, []).bytes())
    }
  }
}
