import ModelFile
import TestSupport
import Testing

@testable import llama_chat

/// What is said of a model that memory cannot hold.
@Suite struct MemoryWarningTests {
  @Test func namesSizesAndTheCommand() throws {
    let folder = try TemporaryDirectory()
    try TinyModel.write(to: folder.file("fp32.bin"))
    let fp32 = try Checkpoint(path: folder.file("fp32.bin"))
    #expect(MemoryWarning.text(for: fp32, available: fp32.fileSize) == nil)
    let text = try #require(MemoryWarning.text(for: fp32, available: 200_000))
    #expect(text.contains("needs 526 kB of memory, 200 kB are available"), "\(text)")
    #expect(text.contains("`llama-chat convert \(fp32.path) OUT.bin` makes it 1"), "\(text)")
    #expect(text.hasSuffix("which fits"))

    try TinyModel.write(to: folder.file("q80.bin"), format: .v2(groupSize: 64))
    let int8 = try Checkpoint(path: folder.file("q80.bin"))
    let other = try #require(MemoryWarning.text(for: int8, available: 1000))
    #expect(!other.contains("convert"))
  }
}
