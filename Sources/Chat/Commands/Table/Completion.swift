import Foundation

extension Repl {
  /// What Tab may make of a line: each candidate is the whole line with its last word completed,
  /// without a space after it; a folder ends with `/`.
  ///
  /// Completes commands, names and values of settings, names of prompts, and paths after `@`. A message
  /// has no candidates.
  ///
  ///     ":te" -> [":temp"]      ":set t" -> [":set tags", ":set temp", ":set threads", ":set topp"]
  public func completions(for line: String) -> [String] {
    guard line.hasPrefix(":"), !line.hasPrefix("::"), !line.contains("\n") else { return [] }
    guard let space = line.firstIndex(of: " ") else {
      let names = CommandTable.all.map { ":" + $0.name }
      return Self.matches(names, of: line, after: "")
    }
    let name = String(line[..<space].dropFirst())
    guard let command = CommandTable.command(named: name) else { return [] }
    let start = line[space...].firstIndex { $0 != " " } ?? line.endIndex
    let head = String(line[..<start])
    let word = String(line[start...])
    switch command.argument {
    case .none, .text: return []
    case .words(let words): return Self.matches(words, of: word, after: head)
    case .command:
      return Self.matches(CommandTable.all.map(\.name) + ["keys"], of: word, after: head)
    case .promptName: return promptCompletions(word, after: head)
    case .setting: return settingCompletions(word, after: head)
    case .sessionName:
      let names = Set(sessions?.store.entries.map(\.name) ?? [])
      return Self.matches(Array(names), of: word, after: head)
    case .file: return Self.paths(from: word).map { head + $0 }
    case .files:
      // Only the last path is completed; a space after a backslash is part of it.
      let last = Self.lastWord(of: word)
      guard let typed = try? Words.split(last) else { return [] }
      let before = head + word.dropLast(last.count)
      return Self.paths(from: typed.first ?? "").map { before + Words.escaped($0) }
    case .textOrFile:
      guard word.hasPrefix("@") else { return [] }
      return Self.paths(from: String(word.dropFirst())).map { head + "@" + $0 }
    }
  }

  /// A prompt's name, then its variables.
  private func promptCompletions(_ word: String, after head: String) -> [String] {
    guard let space = word.firstIndex(of: " ") else {
      return Self.matches(prompts.names, of: word, after: head)
    }
    // A prompt that cannot be read has no variables to offer.
    guard let prompt = try? prompts.prompt(named: String(word[..<space])) else { return [] }
    let last = Self.lastWord(of: word)
    let names = prompt.arguments.variables.map(\.name).filter { $0 != PromptTemplate.input }
    return Self.matches(names.map { $0 + "=" }, of: last, after: head + word.dropLast(last.count))
  }

  private func settingCompletions(_ word: String, after head: String) -> [String] {
    guard let space = word.firstIndex(of: " ") else {
      return Self.matches(Self.settingNames, of: word, after: head)
    }
    let name = String(word[..<space])
    let values: [String] =
      if let key = Settings.Key(rawValue: name) {
        Settings.words(of: key)
      } else if name == "threads" {
        Self.threadsWords
      } else {
        []
      }
    let value = String(word[space...].drop { $0 == " " })
    return Self.matches(values, of: value, after: String(head + word.dropLast(value.count)))
  }

  private static func matches(_ words: [String], of prefix: String, after head: String) -> [String]
  {
    words.filter { $0.hasPrefix(prefix) }.sorted().map { head + $0 }
  }

  /// What follows the last space that parts words.
  private static func lastWord(of text: String) -> String {
    var start = text.startIndex
    var isEscaped = false
    for index in text.indices {
      if text[index] == " ", !isEscaped { start = text.index(after: index) }
      isEscaped = text[index] == "\\" && !isEscaped
    }
    return String(text[start...])
  }

  /// The files and folders a typed path may go on to.
  private static func paths(from typed: String) -> [String] {
    let slash = typed.lastIndex(of: "/")
    let folder = slash.map { String(typed[...$0]) } ?? ""
    let prefix = slash.map { String(typed[typed.index(after: $0)...]) } ?? typed
    let place = folder.isEmpty ? "." : (folder as NSString).expandingTildeInPath
    // A folder that is not there or may not be read has nothing to offer.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    return names.filter { $0.hasPrefix(prefix) && (!$0.hasPrefix(".") || prefix.hasPrefix(".")) }
      .sorted()
      .map { name in
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(
          atPath: place + "/" + name, isDirectory: &isFolder)
        return folder + name + (exists && isFolder.boolValue ? "/" : "")
      }
  }
}
