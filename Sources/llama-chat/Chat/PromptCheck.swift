import ArgumentParser
import Chat
import ModelFile

/// `--check-prompts FOLDER`: what is wrong with the prompt files of a folder.
enum PromptCheck {
  /// Says every finding on standard error.
  ///
  /// - Throws: `ExitCode` 2 when there is one, ``PromptError`` without prompt files.
  static func run(folder: String) throws {
    let check = try PromptLibrary.check(folder: folder)
    for finding in check.findings { Report.problem(finding.description) }
    guard check.findings.isEmpty else { throw ExitCode(FailureKind.usage.rawValue) }
    try writeResult("\(folder): \(counted(check.fileCount, "prompt file")), all good\n")
  }
}
