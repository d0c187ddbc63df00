import ModelFile
import Yams

/// One `key: value` of a YAML text, with its line.
struct YAMLEntry: Hashable, Sendable {
  /// What a key may have.
  enum Value: Hashable, Sendable {
    /// A text, quoted or not, of one line or several.
    case text(String)
    /// Further keys.
    case entries([YAMLEntry])
    /// Anything else, in words.
    case other(String)
  }

  var key: String
  var value: Value
  /// Counted from 1.
  var line: Int
}

/// What is wrong with a YAML text, and where.
struct YAMLProblem: Error, Hashable {
  var line: Int
  var reason: String
}

/// Reads the small part of YAML that settings need: keys with texts, and keys with such keys.
enum YAMLEntries {
  /// How deep keys may be inside keys; nothing here needs more.
  private static let deepest = 3
  /// The most bytes; a parser of YAML may take long over texts made for that.
  private static let largest = 65_536

  /// The entries of a text in their order.
  ///
  /// - Parameter firstLine: The number of the text's first line in its file.
  /// - Throws: ``YAMLProblem`` when it is no YAML, no mapping, or gives a key twice.
  static func read(_ text: String, firstLine: Int = 1) throws(YAMLProblem) -> [YAMLEntry] {
    func problem(_ line: Int, _ reason: String) -> YAMLProblem {
      YAMLProblem(line: max(1, line) + firstLine - 1, reason: reason)
    }
    guard text.utf8.count <= largest else {
      throw problem(1, "more than \(SizeText.bytes(largest)) of settings; expected a page or two")
    }
    if let line = lineOfAlias(in: text) {
      throw problem(line, "anchors and aliases (&name, *name) are not taken; write the value out")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      let (line, reason) = describe(error)
      throw problem(line, reason)
    } catch {
      throw problem(1, "not valid YAML")
    }
    guard let node, node.scalar?.string.isEmpty != true else { return [] }
    guard let mapping = node.mapping else {
      throw problem(node.mark?.line ?? 1, "expected \"key: value\" lines")
    }
    return try entries(of: mapping, depth: 1, firstLine: firstLine)
  }

  private static func entries(
    of mapping: Node.Mapping, depth: Int, firstLine: Int
  ) throws(YAMLProblem) -> [YAMLEntry] {
    var entries: [YAMLEntry] = []
    for (key, value) in mapping {
      let line = (key.mark?.line ?? 1) + firstLine - 1
      guard let name = key.scalar?.string else {
        throw YAMLProblem(line: line, reason: "expected a plain \"key: value\"")
      }
      let read: YAMLEntry.Value
      if let text = value.scalar?.string {
        read = .text(text)
      } else if let inner = value.mapping, depth < deepest {
        read = .entries(try Self.entries(of: inner, depth: depth + 1, firstLine: firstLine))
      } else {
        read = .other(value.sequence == nil ? "keys inside keys" : "a list")
      }
      entries.append(YAMLEntry(key: name, value: read, line: line))
    }
    return entries
  }

  /// The line of an alias (`*name`) of an anchor (`&name`); either sign alone is text.
  ///
  /// A few of them, nested, stand for more data than any memory holds.
  private static func lineOfAlias(in text: String) -> Int? {
    var anchors: Set<Substring> = []
    for (line, words) in lines(of: text) {
      for word in words {
        let name = word.dropFirst()
        if word.hasPrefix("*"), anchors.contains(name) { return line }
        if word.hasPrefix("&"), !name.isEmpty { anchors.insert(name) }
      }
    }
    return nil
  }

  /// The words that could be anchors or aliases, line by line; YAML breaks lines where Unicode does.
  private static func lines(of text: String) -> [(Int, [Substring])] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map { index, line in (index + 1, line.split { $0.isWhitespace || ",[]{}:".contains($0) }) }
  }

  private static func describe(_ error: YamlError) -> (line: Int, reason: String) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      (mark.line, "not valid YAML: \(problem)")
    case .reader(let problem, let offset, _, let yaml):
      (1 + yaml.prefix(offset ?? 0).count { $0 == "\n" }, "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      (context.mark.line, "gives \(keys.map { "\"\($0)\"" }.joined(separator: ", ")) twice")
    default: (1, "not valid YAML")
    }
  }
}
