import Foundation
import ModelFile
import Tokenization

/// Writes a tokenizer by itself as llama2.c's `tokenizer.bin`.
public enum TokenizerConversion {
  /// Reads a tokenizer.model or tokenizer.json and writes tokenizer.bin.
  ///
  /// - Returns: Bytes written.
  /// - Throws: `TokenizerError` or ``ConversionError`` for a tokenizer that cannot be read or that the
  ///   format has no room for, `ModelFileError` when the file cannot be written.
  public static func convert(_ source: String, to path: String, overwrite: Bool) throws -> Int {
    let vocabulary = try VocabularyFile.read(source)
    let bytes: [UInt8]
    do {
      bytes = try vocabulary.tokenizerBin()
    } catch let error as TokenizerError {
      throw ConversionError(place: source, reason: error.reason, kind: .damagedFile)
    }
    try CheckpointWriter.checkTarget(path, overwrite: overwrite, inputs: [source])
    try OutputFile.write(bytes, to: path)
    return bytes.count
  }
}

/// What conversions that did not end have left behind.
public struct LeftoverFile: Sendable {
  /// The temporary file.
  public let path: String
  /// Its bytes.
  public let size: Int

  /// The temporary files of an output that no running program writes; to ask before this one writes any.
  public static func all(of output: String) -> [LeftoverFile] {
    let url = URL(fileURLWithPath: output)
    let folder = url.deletingLastPathComponent().path
    let prefix = ".\(url.lastPathComponent).part-"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      guard name.hasPrefix(prefix),
        let process = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ Int32($0) }
        ),
        process > 0, process == getpid() || kill(process, 0) != 0 && errno == ESRCH
      else { return nil }
      let path = folder + "/" + name
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      return LeftoverFile(path: path, size: size ?? 0)
    }
  }
}
