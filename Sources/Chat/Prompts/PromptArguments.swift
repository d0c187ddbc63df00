/// The variables a prompt file declares: `args: topic, level=ten-year-old`.
struct PromptArguments: Hashable, Sendable {
  struct Variable: Hashable, Sendable {
    var name: String
    /// Its value when none is given; `nil` when one must be.
    var standard: String?
  }

  var variables: [Variable] = []

  /// None.
  init() {}

  /// Reads a declaration: names, parted by commas, some with `=default`.
  ///
  /// - Throws: ``Wrong`` for what is no name, or is there twice.
  init(_ text: String) throws(Wrong) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(halves[0]).strippedAsInPython
      guard Self.isName(name) else {
        throw Wrong(reason: "expected names parted by commas, got \"\(name)\"")
      }
      guard !variables.contains(where: { $0.name == name }) else {
        throw Wrong(reason: "names \(name) twice")
      }
      variables.append(
        Variable(
          name: name, standard: halves.count > 1 ? String(halves[1]).strippedAsInPython : nil))
    }
  }

  struct Wrong: Error { var reason: String }

  /// Letters, digits, `_` and `-`, not a digit first; `file` would be taken for `{{file:…}}`.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39 ~= first), first != 0x2D, text != "file" else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
      default: false
      }
    }
  }

  /// `topic, level=ten-year-old`; empty without any.
  var summary: String {
    variables.map { $0.name + ($0.standard.map { "=\($0)" } ?? "") }.joined(separator: ", ")
  }

  /// A value for each variable.
  ///
  /// - Parameters:
  ///   - given: What was typed.
  ///   - input: The text after that; `nil` for none.
  ///   - prompt: The prompt's name, for the error.
  /// - Throws: ``PromptError`` for a name that is not declared, or a variable without a value.
  func values(
    _ given: [(name: String, value: String)], input: String?, prompt: String
  ) throws -> [String: String] {
    var values: [String: String] = [:]
    let names = variables.map(\.name).filter { $0 != PromptTemplate.input }
    for (name, value) in given {
      guard names.contains(name) else {
        let close = closest(to: name, among: names).map { "did you mean \($0)?" }
        let known = names.isEmpty ? "it takes none" : "it takes \(names.joined(separator: ", "))"
        throw PromptError(
          reason: "\(prompt) has no variable \"\(name)\"; \(close ?? known) "
            + "(-- in front of a text that looks like one)")
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw PromptError(reason: "\(name) is given twice")
      }
    }
    values[PromptTemplate.input] = input
    for variable in variables where values[variable.name] == nil {
      values[variable.name] = variable.standard
    }
    let missing = variables.filter { values[$0.name] == nil }.map(\.name)
    guard missing.isEmpty else {
      let typed = missing.map { $0 == PromptTemplate.input ? "TEXT" : "\($0)=…" }
      throw PromptError(
        reason:
          "\(prompt) needs \(missing.map { $0 == PromptTemplate.input ? "a text" : $0 }.joined(separator: ", ")): "
          + ":prompt \(prompt) \(typed.joined(separator: " "))")
    }
    return values
  }
}

/// What is typed after `:prompt`: `NAME [k=v…] [text]`.
struct PromptCall: Hashable {
  var name: String
  var values: [(name: String, value: String)] = []
  /// What is left; `nil` for nothing.
  var text: String?

  /// Cuts a typed line.
  ///
  /// Words `k=v` right after the name are values, quoted where they hold spaces (`topic="black holes"`);
  /// from the first other word on, or after `--`, it is the text as it stands.
  ///
  /// - Throws: ``UnclosedQuote`` for a value whose quote is never closed.
  init(_ line: String) throws(UnclosedQuote) {
    let trimmed = line.strippedAsInPython
    name = String(trimmed.prefix { !$0.isWhitespace })
    var rest = trimmed.dropFirst(name.count).drop(while: \.isWhitespace)
    while true {
      let word = rest.prefix { !$0.isWhitespace }
      if word == "--" {
        rest = rest.dropFirst(2).drop(while: \.isWhitespace)
        break
      }
      guard let (key, value, after) = try Self.value(at: rest) else { break }
      values.append((key, value))
      rest = after.drop(while: \.isWhitespace)
    }
    text = rest.isEmpty ? nil : String(rest)
  }

  /// `k=v` at the start of a text, and what follows it.
  static func value(
    at text: Substring
  ) throws(UnclosedQuote) -> (key: String, value: String, rest: Substring)? {
    guard let equals = text.firstIndex(of: "="), PromptArguments.isName(text[..<equals]) else {
      return nil
    }
    let after = text[text.index(after: equals)...]
    // A space right after the sign ends an empty value.
    guard let next = after.first, !next.isWhitespace else {
      return (String(text[..<equals]), "", after)
    }
    guard let (value, rest) = try Words.first(of: after) else { return nil }
    return (String(text[..<equals]), value, rest)
  }

  static func == (left: PromptCall, right: PromptCall) -> Bool {
    left.name == right.name && left.text == right.text
      && left.values.elementsEqual(right.values, by: ==)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
