import ModelFile
import TestSupport
import Testing

@testable import Conversion

@Suite struct MalformedHeaderTests {
  @Test(
    arguments: SourceDamage.ggufCounts + SourceDamage.ggufMetadata + SourceDamage.ggufTensors)
  func namesWhatIsWrong(damage: SourceDamage) throws { try damage.check() }

  @Test func anotherMagicIsNamed() throws {
    let folder = try TemporaryDirectory()
    var builder = GGUFBuilder.tinyLlama()
    builder.magic = Array("GGML".utf8)
    let path = try folder.write("model.gguf", builder.bytes())
    let error = #expect(throws: ConversionError.self) { try GGUFModel(path: path) }
    #expect(error?.place == path && error?.kind == .damagedFile)
    #expect(error?.reason.contains("does not begin with 'GGUF'") == true)
  }

  @Test func truncationAtEveryByte() throws {
    let whole = GGUFBuilder.tinyLlama().bytes()
    let folder = try TemporaryDirectory()
    for count in whole.indices {
      let path = try folder.write("cut.gguf", whole.prefix(count))
      let error = #expect(throws: ConversionError.self, "\(count) bytes") {
        try ModelConverter(source: GGUFModel(path: path))
      }
      #expect(error?.place == path)
    }
  }

  @Test func anyByteOfTheHeaderChanged() throws {
    let builder = GGUFBuilder.tinySmolLM()
    let whole = builder.bytes()
    let folder = try TemporaryDirectory()
    var accepted = 0
    for index in builder.header().indices {
      for change: UInt8 in [0x01, 0xff] {
        var bytes = whole
        bytes[index] ^= change
        let path = try folder.write("changed.gguf", bytes)
        do {
          _ = try ModelConverter(source: GGUFModel(path: path))
          accepted += 1
        } catch {
          #expect((error as? ConversionError)?.place == path, "byte \(index): \(error)")
        }
      }
    }
    // Names, scores and the like may change; most bytes may not.
    #expect(accepted < builder.header().count)
  }

  @Test func whatIsNotAFile() throws {
    let folder = try TemporaryDirectory()
    for path in [folder.path, folder.file("absent.gguf"), "/dev/null"] {
      let error = #expect(throws: ConversionError.self) {
        try ModelConverter(source: GGUFModel(path: path))
      }
      #expect(error?.place == path)
      #expect(error?.kind == .damagedFile)
    }
  }
}
