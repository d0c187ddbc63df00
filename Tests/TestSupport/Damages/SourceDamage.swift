/// A change to a right directory, and what the error must say.
package struct SourceDamage: Sendable, CustomStringConvertible {
  package let name: String
  package let expected: String
  package let write: @Sendable (TinySources, TemporaryDirectory) throws -> String

  package var description: String { name }

  package init(
    _ name: String, _ expected: String,
    _ write: @escaping @Sendable (TinySources, TemporaryDirectory) throws -> String
  ) {
    self.name = name
    self.expected = expected
    self.write = write
  }

  /// A safetensors file that is not as it should be.
  package static func safetensors(
    _ name: String, _ expected: String,
    _ change: @escaping @Sendable (inout SafetensorsBuilder) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { sources, folder in
      let directory = try sources.makeHuggingFace(in: folder)
      var builder = sources.safetensors()
      change(&builder)
      try folder.write("Tiny/model.safetensors", builder.bytes())
      return directory
    }
  }

  /// A config.json that is not as it should be; `nil` removes a member.
  package static func config(
    _ name: String, _ expected: String, _ changes: [String: String?]
  ) -> SourceDamage {
    SourceDamage(name, expected) { try $0.writeHuggingFace(in: $1, changes) }
  }

  /// A GGUF file that is not as it should be.
  package static func gguf(
    _ name: String, _ expected: String,
    base: @escaping @Sendable () -> GGUFBuilder = { .tinyLlama() },
    _ change: @escaping @Sendable (inout GGUFBuilder) -> Void
  ) -> SourceDamage {
    SourceDamage(name, expected) { _, folder in
      var builder = base()
      change(&builder)
      return try folder.write("model.gguf", builder.bytes())
    }
  }
}
