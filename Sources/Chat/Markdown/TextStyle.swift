/// What a stretch of a reply is in Markdown; how that looks is up to the terminal.
public struct TextStyle: OptionSet, Hashable, Sendable {
  /// The bits of the styles below.
  public let rawValue: UInt8

  /// Styles by their bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Between one `*` or `_` and the next.
  public static let emphasis = TextStyle(rawValue: 1)
  /// Between two of them.
  public static let strong = TextStyle(rawValue: 2)
  /// Between backticks in a line.
  public static let code = TextStyle(rawValue: 4)
  /// A line of a block of code.
  public static let codeBlock = TextStyle(rawValue: 8)
  /// A line that opens or closes such a block.
  public static let fence = TextStyle(rawValue: 16)
  /// A line that begins with `#`.
  public static let heading = TextStyle(rawValue: 32)
  /// What makes a line an item of a list or a quotation: `-`, `1.`, `>`.
  public static let marker = TextStyle(rawValue: 64)
}

/// Text of one style.
public struct StyledText: Hashable, Sendable {
  /// Part of a reply, as the model wrote it.
  public var text: String
  /// What it is.
  public var style: TextStyle

  /// Text of a style.
  public init(_ text: String, _ style: TextStyle = []) {
    self.text = text
    self.style = style
  }
}
