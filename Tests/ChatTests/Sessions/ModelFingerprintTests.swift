import Foundation
import Inference
import ModelFile
import TestSupport
import Testing
import Tokenization

@testable import Chat

@Suite struct ModelFingerprintTests {
  private func fingerprint(
    _ path: String, _ vocabulary: Vocabulary = PairTokenizer().vocabulary
  ) throws -> ModelFingerprint {
    ModelFingerprint(of: try Model(checkpoint: Checkpoint(path: path)), vocabulary: vocabulary)
  }

  @Test func tellsModelsApart() throws {
    let directory = try TemporaryDirectory()
    let paths = ["a", "b", "c", "d"].map(directory.file)
    try TinyModel.write(to: paths[0])
    try TinyModel.write(to: paths[1])
    try TinyModel.write(to: paths[2], seed: 2)
    try TinyModel.write(to: paths[3], format: .v2(groupSize: 32))
    let all = try paths.map { try fingerprint($0) }
    #expect(all[0] == all[1])
    #expect(all[0].difference(from: all[1], named: "a") == nil)
    #expect(
      all[2].difference(from: all[0], named: "c") == "was made with c, which has other weights")
    #expect(all[3].difference(from: all[0], named: "d")?.hasPrefix("was made with d of ") == true)

    var vocabulary = PairTokenizer().vocabulary
    vocabulary.kinds[300] = .userDefined
    #expect(
      try fingerprint(paths[0], vocabulary).difference(from: all[0], named: "a")
        == "was made with a and another tokenizer")
    #expect(all[0].key.count == KVFile.keyLength)
  }
}
