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
      throw PromptError(reason: "no prompt \"\(name)\"; \(hint)")
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
        problems.append(PromptError(path: name, reason: "\(error)"))
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
      // Sorted, NAME.md comes before NAME.txt.
      for file in files.sorted() where !file.hasPrefix(".") {
        guard let name = Self.promptName(of: file) else { continue }
        if paths[name] == nil { paths[name] = folder + "/" + file }
      }
    }
    return paths
  }

  /// A file's name without its ending, if it is a prompt file's.
  private static func promptName(of file: String) -> String? {
    PromptFile.endings.first { file.hasSuffix($0) }.map { String(file.dropLast($0.count)) }
  }
}

extension PromptLibrary {
  /// What is wrong or odd in the prompt files of a folder, in the order of their names.
  public struct Check: Sendable {
    /// How many prompt files there are.
    public var fileCount = 0
    /// One for each mistake, with its place.
    public var findings: [any Failure] = []
  }

  /// The longest title that leaves room for a name and a number on a line.
  static let longestTitle = 60

  /// Reads every prompt file of a folder, and fills each in with its variables' own names.
  ///
  /// - Throws: ``PromptError`` when it is no folder or holds no prompt file.
  public static func check(folder: String) throws -> Check {
    let folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    let files: [String]
    do {
      files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw PromptError(path: folder, reason: "is not a folder that can be read")
    }
    var check = Check()
    var names: [String: String] = [:]
    for file in files where !file.hasPrefix(".") {
      guard let name = promptName(of: file) else { continue }
      check.fileCount += 1
      let path = folder + "/" + file
      if let other = names.updateValue(file, forKey: name) {
        check.findings.append(PromptError(path: path, reason: "is hidden by \(other)"))
      }
      do {
        let prompt = try PromptFile(name: name, path: path, text: TextInput.read(path: path))
        check.findings += prompt.findings
      } catch {
        check.findings.append(
          (error as? any Failure) ?? PromptError(path: path, reason: "\(error)"))
      }
    }
    guard check.fileCount > 0 else {
      throw PromptError(path: folder, reason: "holds no prompt file (NAME.md or NAME.txt)")
    }
    return check
  }
}

extension PromptFile {
  /// What is odd about it, and what keeps it from being filled in.
  fileprivate var findings: [any Failure] {
    var findings: [any Failure] = warnings
    if title.count > PromptLibrary.longestTitle {
      findings.append(
        PromptError(
          path: path,
          reason:
            "title has \(title.count) characters; expected \(PromptLibrary.longestTitle) or less"))
    }
    if name.contains(where: \.isWhitespace) {
      findings.append(PromptError(path: path, reason: "a name with a space cannot be typed"))
    }
    for template in templates {
      for file in template.fixedFiles {
        do {
          _ = try TextInput.read(
            path: PromptTemplate.place(of: file.strippedAsInPython, in: folder))
        } catch {
          findings.append(
            PromptError(
              path: path,
              reason: "{{file:\(file)}}: \((error as? any Failure)?.reason ?? "\(error)")"))
        }
      }
    }
    return findings
  }

  /// What it takes, for lists: `topic, level=ten-year-old, text`.
  var usage: String {
    let takesText =
      !arguments.variables.contains { $0.name == PromptTemplate.input }
      && messages.contains { $0.variables.contains(PromptTemplate.input) }
    return [arguments.summary, takesText ? "[text]" : ""].filter { !$0.isEmpty }
      .joined(separator: ", ").replacingOccurrences(of: "input", with: "text")
  }
}
