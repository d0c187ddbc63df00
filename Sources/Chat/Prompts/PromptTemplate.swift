/// Text with places to fill in: `{{name}}`, `{{input}}`, `{{file:PATH}}`; `{{{{` is `{{` itself.
///
/// What is filled in is text, never read as a template again.
struct PromptTemplate: Hashable, Sendable {
  enum Piece: Hashable, Sendable {
    case text(String)
    case variable(String)
    /// A file whose path may have places of its own.
    case file([Piece])
  }

  /// The name that stands for the text after a prompt's name and values.
  static let input = "input"

  /// The text as it was written, without spaces around it.
  let source: String
  private(set) var pieces: [Piece] = []

  /// Reads a template.
  ///
  /// - Parameters:
  ///   - known: The variables there are.
  ///   - line: The number of the text's first line in its file.
  /// - Throws: ``PromptError`` with the line, for a place that is never closed or an unknown variable.
  init(_ text: String, known: [String], path: String, line: Int) throws {
    source = text.strippedAsInPython
    let leading = text.unicodeScalars.prefix { $0.properties.isWhitespace }
    var parser = Parser(
      rest: source[...], known: known, path: path, line: line + leading.count { $0 == "\n" })
    pieces = try parser.pieces(insidePath: false)
  }

  /// The variables it uses.
  var variables: Set<String> { Self.variables(of: pieces) }

  private static func variables(of pieces: [Piece]) -> Set<String> {
    pieces.reduce(into: []) { names, piece in
      switch piece {
      case .text: break
      case .variable(let name): names.insert(name)
      case .file(let path): names.formUnion(variables(of: path))
      }
    }
  }

  /// The paths of files that are the same whatever the variables are.
  var fixedFiles: [String] {
    pieces.compactMap { piece in
      guard case .file(let path) = piece, Self.variables(of: path).isEmpty else { return nil }
      return path.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }
  }

  /// The text with everything filled in, without spaces around it.
  ///
  /// - Parameters:
  ///   - values: One for each of ``variables``.
  ///   - folder: Where a path is looked for that has no variable in it.
  /// - Throws: ``TextInputError`` for a file that cannot be read.
  func rendered(_ values: [String: String], folder: String) throws -> String {
    try Self.render(pieces, values, folder: folder).strippedAsInPython
  }

  private static func render(
    _ pieces: [Piece], _ values: [String: String], folder: String
  ) throws -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .text(let part): text += part
      case .variable(let name): text += values[name] ?? ""
      case .file(let path):
        let typed = try render(path, values, folder: folder).strippedAsInPython
        let isFixed = variables(of: path).isEmpty
        let content = try TextInput.read(path: isFixed ? place(of: typed, in: folder) : typed)
        text += content.hasSuffix("\n") ? String(content.dropLast()) : content
      }
    }
    return text
  }

  /// A path in a prompt file is meant from that file's folder.
  static func place(of path: String, in folder: String) -> String {
    path.hasPrefix("/") || path.hasPrefix("~") || folder.isEmpty ? path : folder + "/" + path
  }
}

extension PromptTemplate {
  /// Cuts a text at its places.
  private struct Parser {
    var rest: Substring
    let known: [String]
    let path: String
    var line: Int

    mutating func pieces(insidePath: Bool) throws -> [Piece] {
      let start = line
      var pieces: [Piece] = []
      var text = ""
      func flush() { if !text.isEmpty { pieces.append(.text(text)) } }
      while !rest.isEmpty {
        let plain = rest.prefix { $0 != "{" && !(insidePath && $0 == "}") }
        text += plain
        line += plain.count { $0 == "\n" }
        rest = rest[plain.endIndex...]
        if rest.isEmpty {
          break
        } else if insidePath, rest.hasPrefix("}}") {
          rest.removeFirst(2)
          flush()
          return pieces
        } else if rest.hasPrefix("{{{{") {
          rest.removeFirst(4)
          text += "{{"
        } else if rest.hasPrefix("{{") {
          flush()
          text = ""
          rest.removeFirst(2)
          pieces.append(try place(insidePath: insidePath))
        } else {
          text.append(rest.removeFirst())
        }
      }
      guard !insidePath else { throw wrong("{{file: is never closed; expected }}", at: start) }
      flush()
      return pieces
    }

    /// What is between `{{`, which is behind, and `}}`.
    private mutating func place(insidePath: Bool) throws -> Piece {
      if rest.hasPrefix("file:") {
        guard !insidePath else { throw wrong("a file's path holds another {{file:", at: line) }
        rest.removeFirst("file:".count)
        let path = try pieces(insidePath: true)
        guard path.contains(where: { $0 != .text("") }) else {
          throw wrong("{{file:}} names no file", at: line)
        }
        return .file(path)
      }
      let hint = "write {{{{ for {{ itself"
      guard let end = rest.firstRange(of: "}}") else {
        throw wrong("{{ is never closed; \(hint)", at: line)
      }
      let name = String(rest[..<end.lowerBound]).strippedAsInPython
      guard PromptArguments.isName(name) else {
        throw wrong("{{\(name.prefix(20))}} is no variable's name; \(hint)", at: line)
      }
      guard known.contains(name) else {
        let close = closest(to: name, among: known).map { "; did you mean {{\($0)}}?" }
        throw wrong(
          "unknown variable {{\(name)}}\(close ?? "; name it in args, or \(hint)")", at: line)
      }
      rest = rest[end.upperBound...]
      return .variable(name)
    }

    private func wrong(_ reason: String, at line: Int) -> PromptError {
      PromptError(path: path, line: line, reason: reason)
    }
  }
}
