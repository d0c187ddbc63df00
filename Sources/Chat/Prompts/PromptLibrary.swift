import Foundation
import ModelFile

/// The prompt files of some folders, read when asked for, so that they can be edited meanwhile.
public struct PromptLibrary: Sendable {
  /// The folders in order of search; a name in an earlier one hides later ones.
  public let folders: [String]

  /// A library over folders, which need not exist.
  public init(folders: [String]) {
    self.folders = folders
  }

  /// The names of all prompts, sorted.
  public var names: [String] { paths.keys.sorted() }

  /// The prompt of that name.
  ///
  /// - Throws: ``PromptError`` or ``TextInputError``.
  public func prompt(named name: String) throws -> PromptFile {
    let paths = paths
    guard let path = paths[name] else {
      let known = paths.keys.sorted()
      let hint =
        if let close = closest(to: name, among: known) {
          "did you mean \(close)?"
        } else if known.isEmpty {
          "there are none in \(folders.joined(separator: ", "))"
        } else {
          "there are: \(known.joined(separator: ", "))"
        }
      throw PromptError(path: nil, line: nil, reason: "no prompt \"\(name)\"; \(hint)")
    }
    return try PromptFile(name: name, path: path, text: TextInput.read(path: path))
  }

  /// Every prompt that can be used, and what is wrong with the others.
  public func contents() -> (prompts: [PromptFile], problems: [any Failure]) {
    var prompts: [PromptFile] = []
    var problems: [any Failure] = []
    for name in names {
      do {
        prompts.append(try prompt(named: name))
      } catch let failure as any Failure {
        problems.append(failure)
      } catch {
        problems.append(PromptError(path: name, line: nil, reason: "\(error)"))
      }
    }
    return (prompts, problems)
  }

  /// Where each name's file is.
  private var paths: [String: String] {
    var paths: [String: String] = [:]
    for folder in folders {
      // Most of the folders do not exist.
      let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for file in files where file.hasSuffix(".md") && !file.hasPrefix(".") {
        let name = String(file.dropLast(3))
        if paths[name] == nil { paths[name] = folder + "/" + file }
      }
    }
    return paths
  }
}
