import Chat
import Conversion
import Foundation
import ModelFile

/// A model in one of the folders that are searched.
struct FoundModel {
  let path: String
  let size: Int
  /// Its shape and format, in words.
  let summary: String

  /// The file's name.
  var file: String { (path as NSString).lastPathComponent }
  /// The file's name without its ending.
  var stem: String { (file as NSString).deletingPathExtension }
}

/// The models in `./models`, the folders of `$LLAMA_CHAT_MODELS`, the user's, and those that were converted.
struct FoundModels {
  /// The folders, in order of search.
  let folders: [String]
  /// What is in them, folder by folder.
  private(set) var models: [FoundModel] = []

  /// Where models are looked for.
  static func folders(environment: [String: String]) -> [String] {
    let named = (environment["LLAMA_CHAT_MODELS"] ?? "").split(separator: ":").map(String.init)
    let data = UserFolders(environment: environment).data.map { [$0 + "/models"] } ?? []
    return ["models"] + named + data + [ConvertedModels.folder]
  }

  /// Looks into folders, of which most need not exist.
  init(folders: [String]) {
    self.folders = folders
    var seen: Set<String> = []
    for folder in folders {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      let stems = Set(files.filter { $0.hasSuffix(".bin") }.map { $0.dropLast(4) })
      for file in files.sorted() where !file.hasPrefix(".") {
        let path = folder + "/" + file
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard !seen.contains(real) else { continue }
        let isConvertedAlready = file.hasSuffix(".gguf") && stems.contains(file.dropLast(5))
        guard !isConvertedAlready, let model = Self.model(at: path) else { continue }
        seen.insert(real)
        // What it is converted to when it is used is no other model.
        if file.hasSuffix(".gguf") {
          let target = URL(fileURLWithPath: ConvertedModels.target(for: path))
          seen.insert(target.resolvingSymlinksInPath().path)
        }
        models.append(model)
      }
    }
  }

  /// A model file, or a GGUF file, which is converted when it is used; `nil` for anything else.
  private static func model(at path: String) -> FoundModel? {
    if path.hasSuffix(".bin") {
      // Tokenizers and PyTorch's files are called .bin too.
      guard let checkpoint = try? Checkpoint(path: path) else { return nil }
      let config = checkpoint.config
      return FoundModel(
        path: path, size: checkpoint.fileSize,
        summary: "\(counted(config.layers, "layer")) of \(config.dim), \(checkpoint.format.summary)"
      )
    }
    guard path.hasSuffix(".gguf"), (try? SourceKind(of: path)) == .gguf,
      let size = try? System.status(of: path).version.size
    else { return nil }
    return FoundModel(path: path, size: size, summary: "GGUF, converted when used")
  }

  /// The models that a bare name may mean.
  ///
  /// That is the file of that name, else the one called so but for its ending, else all whose names begin
  /// so. An earlier folder hides later ones.
  func models(named name: String) -> [FoundModel] {
    let folded = name.lowercased()
    if let exact = models.first(where: { $0.file == name }) { return [exact] }
    if let stem = models.first(where: { $0.stem.lowercased() == folded }) { return [stem] }
    var stems: Set<String> = []
    return models.filter {
      $0.stem.lowercased().hasPrefix(folded) && stems.insert($0.stem.lowercased()).inserted
    }
  }

  /// The first file of that name, or called so but for its ending, which is no model as it is: opening it says why.
  func unusable(named name: String) -> String? {
    let paths = folders.flatMap { folder in ["", ".bin", ".gguf"].map { "\(folder)/\(name)\($0)" } }
    return paths.first { (try? System.status(of: $0).kind) == .regular }
  }

  /// A row a model: `1  models/tiny.bin  1.2 MB  2 layers of 64, v1, fp32`.
  func table(marking marked: FoundModel? = nil) -> String {
    let width = models.map(\.path.count).max() ?? 0
    return models.enumerated().map { index, model in
      let size = padded(SizeText.bytes(model.size), to: 8)
      let mark = model.path == marked?.path ? "  ←" : ""
      return "\(padded(String(index + 1), to: 3))\(padded(model.path, to: width))  \(size)"
        + "  \(model.summary)\(mark)"
    }.joined(separator: "\n")
  }
}
