/// Tells what is Markdown in a text that comes piece by piece.
///
/// The styled texts put together are the text given: nothing is added, left out or moved. What comes out
/// does not depend on where the pieces are cut. Text is held back only while it can still become a marker:
/// backticks until another character follows them, say.
///
/// What a model writes is seldom strict Markdown, and what was shown cannot be shown again. So emphasis and
/// code in a line end with it, and emphasis does not begin inside a word. Whether a marker begins or ends
/// emphasis goes by CommonMark's flanking rules.
public struct MarkdownStream: Sendable {
  /// Where in the text the next character is.
  private enum Place {
    /// After nothing of its line but spaces, list markers and `>`.
    case lineStart
    case line
    case heading
    /// In the line that opens a block of code, after its fence.
    case fenceInfo
    /// In a line of a block of code, after nothing but spaces.
    case codeLineStart
    case codeLine
  }

  private var place = Place.lineStart
  /// What may become a marker, and the scalar it began with.
  private var held = String.UnicodeScalarView()
  /// The block of code it is in, or whose first line it is in.
  private var fence: CodeFence?
  /// Backticks that opened the code in this line; 0 outside.
  private var codeLength = 0
  /// The characters that opened emphasis in this line.
  private var emphasis: Unicode.Scalar?
  private var strong: Unicode.Scalar?
  /// Whether a backslash takes the next character's meaning away.
  private var isEscaped = false
  private var previous: Unicode.Scalar?
  private var output: [StyledText] = []

  /// At the beginning of a text.
  public init() {}

  /// In the middle of a text: after `text`, which was shown before.
  public init(after text: String) {
    _ = append(text)
    _ = finish()
  }

  /// Goes on with the text.
  ///
  /// - Returns: What can be told of it; neighbours differ in style.
  public mutating func append(_ text: String) -> [StyledText] {
    for scalar in text.unicodeScalars { take(scalar) }
    return flush()
  }

  /// Ends the text: what was held back.
  public mutating func finish() -> [StyledText] {
    if !held.isEmpty { decide(before: nil) }
    return flush()
  }

  private mutating func flush() -> [StyledText] {
    defer { output = [] }
    return output
  }

  // MARK: - Character by character

  private mutating func take(_ scalar: Unicode.Scalar) {
    if !held.isEmpty {
      if extendsHeld(scalar) {
        held.append(scalar)
        return
      }
      decide(before: scalar)
    }
    guard scalar != "\n" else { return endLine() }
    switch place {
    case .heading: emit(scalar, .heading)
    case .fenceInfo: takeFenceInfo(scalar)
    case .codeLineStart: takeCodeLineStart(scalar)
    case .codeLine: emit(scalar, .codeBlock)
    case .lineStart: takeLineStart(scalar)
    case .line: takeInLine(scalar)
    }
  }

  private mutating func endLine() {
    let isCode = place == .codeLine || place == .codeLineStart
    place = fence == nil ? .lineStart : .codeLineStart
    (codeLength, emphasis, strong, isEscaped) = (0, nil, nil, false)
    emit("\n", isCode ? .codeBlock : [])
  }

  private mutating func takeLineStart(_ scalar: Unicode.Scalar) {
    switch scalar {
    case " ", "\t": emit(scalar, [])
    case ">": emit(scalar, .marker)
    case "#", "-", "+", "~", "0"..."9": held.append(scalar)
    case "*", "_", "`": held.append(scalar)
    default:
      place = .line
      takeInLine(scalar)
    }
  }

  private mutating func takeInLine(_ scalar: Unicode.Scalar) {
    guard !isEscaped else {
      isEscaped = false
      return emit(scalar, lineStyle)
    }
    switch scalar {
    case "`": held.append(scalar)
    case "*", "_": if codeLength > 0 { emit(scalar, .code) } else { held.append(scalar) }
    default:
      isEscaped = scalar == "\\" && codeLength == 0
      emit(scalar, lineStyle)
    }
  }

  /// A language's name; a backtick shows that the line was one with code in it.
  private mutating func takeFenceInfo(_ scalar: Unicode.Scalar) {
    guard scalar == "`", let fence, fence.character == "`" else { return emit(scalar, .fence) }
    codeLength = fence.length
    self.fence = nil
    place = .line
    held.append(scalar)
  }

  private mutating func takeCodeLineStart(_ scalar: Unicode.Scalar) {
    switch scalar {
    case " ", "\t": emit(scalar, .codeBlock)
    case _ where scalar == fence?.character: held.append(scalar)
    default:
      place = .codeLine
      emit(scalar, .codeBlock)
    }
  }

  private var lineStyle: TextStyle {
    guard codeLength == 0 else { return .code }
    var style: TextStyle = []
    if emphasis != nil { style.insert(.emphasis) }
    if strong != nil { style.insert(.strong) }
    return style
  }

  private mutating func emit(_ scalar: Unicode.Scalar, _ style: TextStyle) {
    previous = scalar
    guard let last = output.indices.last, output[last].style == style else {
      output.append(StyledText(String(Character(scalar)), style))
      return
    }
    output[last].text.unicodeScalars.append(scalar)
  }

  private mutating func emitHeld(_ style: TextStyle) {
    let scalars = held
    held = String.UnicodeScalarView()
    for scalar in scalars { emit(scalar, style) }
  }
}

// MARK: - What is held

extension MarkdownStream {
  private func extendsHeld(_ scalar: Unicode.Scalar) -> Bool {
    guard let first = held.first, let last = held.last else { return false }
    if place == .codeLineStart {
      // Spaces may follow the fence that closes a block.
      if [" ", "\t", "\r"].contains(scalar) { return held.count >= fence?.length ?? 0 }
      return scalar == first && last == first
    }
    switch first {
    case "-", "+": return false
    case "0"..."9":
      let isDigit = ("0"..."9").contains(scalar)
      return ("0"..."9").contains(last)
        && (isDigit ? held.count < Self.mostDigits : scalar == "." || scalar == ")")
    default: return scalar == first
    }
  }

  /// Longer numbers do not count a list.
  private static let mostDigits = 9

  /// Decides what is held, now that the next character is known; `nil` is the end of the text.
  private mutating func decide(before next: Unicode.Scalar?) {
    guard let first = held.first else { return }
    let endsWord = next == " " || next == "\t"
    let endsLine = next == nil || next == "\n"
    switch (place, first) {
    case (.codeLineStart, _):
      guard endsLine, let fence, held.count(where: { $0 == fence.character }) >= fence.length else {
        place = .codeLine
        return emitHeld(.codeBlock)
      }
      self.fence = nil
      place = .line
      emitHeld(.fence)
    case (.lineStart, "#"):
      let isHeading = held.count <= 6 && (endsWord || endsLine)
      place = isHeading ? .heading : .line
      emitHeld(isHeading ? .heading : [])
    case (.lineStart, "-"), (.lineStart, "+"): decideMarker(endsWord)
    case (.lineStart, "0"..."9"):
      decideMarker(endsWord && (held.last == "." || held.last == ")"))
    case (.lineStart, "*") where held.count == 1 && endsWord: decideMarker(true)
    case (.lineStart, "`") where held.count >= CodeFence.leastLength,
      (.lineStart, "~") where held.count >= CodeFence.leastLength:
      fence = CodeFence(character: first, length: held.count)
      place = .fenceInfo
      emitHeld(.fence)
    case (_, "`"): decideBackticks(endsLine)
    case (_, "*"), (_, "_"): decideEmphasis(of: first, before: next)
    default:
      place = .line
      emitHeld(lineStyle)
    }
  }

  private mutating func decideMarker(_ isMarker: Bool) {
    if !isMarker { place = .line }
    emitHeld(isMarker ? .marker : [])
  }

  /// As many backticks as opened code close it.
  private mutating func decideBackticks(_ endsLine: Bool) {
    place = .line
    if codeLength == 0 {
      codeLength = endsLine ? 0 : held.count
      emitHeld(lineStyle)
    } else {
      let closes = held.count == codeLength
      emitHeld(.code)
      if closes { codeLength = 0 }
    }
  }

  private mutating func decideEmphasis(of character: Unicode.Scalar, before next: Unicode.Scalar?) {
    place = .line
    let edges = (before: Edge(previous), after: Edge(next))
    let opens = edges.before != .letter && edges.after != .space
    let closes =
      edges.before != .space && (edges.before == .letter || edges.after != .letter)
      && (character == "*" || edges.after != .letter)
    let before = lineStyle
    var rest = held.count
    if closes {
      if rest >= 2, strong == character { (strong, rest) = (nil, rest - 2) }
      if rest >= 1, emphasis == character { (emphasis, rest) = (nil, rest - 1) }
    }
    guard rest == held.count else { return emitHeld(before) }
    if opens, rest <= 3 {
      if rest != 2, emphasis == nil { emphasis = character }
      if rest >= 2, strong == nil { strong = character }
    }
    emitHeld(lineStyle)
  }

  /// What is beside a marker.
  private enum Edge {
    case space, punctuation, letter

    init(_ scalar: Unicode.Scalar?) {
      guard let scalar, !scalar.properties.isWhitespace else {
        self = .space
        return
      }
      self =
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
          .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol,
          .currencySymbol, .modifierSymbol, .otherSymbol:
          .punctuation
        default: .letter
        }
    }
  }
}
