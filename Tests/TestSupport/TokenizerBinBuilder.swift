import ModelFile

/// Builds `tokenizer.bin` piece by piece, right ones and wrong ones.
package enum TokenizerBinBuilder {
  /// A file of these pieces.
  package static func file(
    longest: UInt32 = 8, _ pieces: [(score: Float, length: Int32, text: String)]
  ) -> [UInt8] {
    var file: [UInt8] = []
    file.append(littleEndian: longest)
    for piece in pieces {
      file.append(float: piece.score)
      file.append(littleEndian: piece.length)
      file += Array(piece.text.utf8)
    }
    return file
  }

  package static let special: [(score: Float, length: Int32, text: String)] = [
    (0, 5, "<unk>"), (0, 5, "\n<s>\n"), (0, 6, "\n</s>\n"),
  ]
}
