import CEditLine
import Foundation

/// The line being edited, as text and in whole characters.
extension LineEditor {
  /// How far to look for the start or end of one character.
  private static let characterWindow = 64

  private var line: (text: UnsafeBufferPointer<wchar_t>, cursor: Int) {
    guard let line = el_wline(editor)?.pointee else { return (.init(start: nil, count: 0), 0) }
    let text = UnsafeBufferPointer(start: line.buffer, count: line.lastchar - line.buffer)
    return (text, line.cursor - line.buffer)
  }

  /// The whole line.
  var text: String { String(wide: line.text) }
  /// The whole line's code points.
  var scalars: String.UnicodeScalarView { text.unicodeScalars }
  /// How many code points it has.
  var length: Int { line.text.count }
  /// Whether nothing is typed.
  var isEmpty: Bool { line.text.isEmpty }

  /// The code points before the cursor, at most the last `limit` of them.
  func beforeCursor(limit: Int = .max) -> String.UnicodeScalarView {
    let (text, cursor) = line
    return String(wide: .init(rebasing: text[..<cursor].suffix(limit))).unicodeScalars
  }

  /// The code points from the cursor on, at most `limit` of them.
  func afterCursor(limit: Int = .max) -> String.UnicodeScalarView {
    let (text, cursor) = line
    return String(wide: .init(rebasing: text[cursor...].prefix(limit))).unicodeScalars
  }

  /// Code points of the character (grapheme cluster) before the cursor.
  var lengthOfCharacterBefore: Int {
    String(beforeCursor(limit: Self.characterWindow)).last?.unicodeScalars.count ?? 0
  }

  /// Code points of the character at the cursor.
  var lengthOfCharacterAfter: Int {
    String(afterCursor(limit: Self.characterWindow)).first?.unicodeScalars.count ?? 0
  }

  /// Code points between the last line break and the cursor.
  var columnInLine: Int { beforeCursor().reversed().prefix { $0 != "\n" }.count }

  /// Code points between the cursor and the next line break.
  var charactersToLineEnd: Int { afterCursor().prefix { $0 != "\n" }.count }

  /// Code points back to the start of the word, words being what blanks separate.
  var lengthOfBlankWordBefore: Int {
    let before = beforeCursor().reversed()
    let blanks = before.prefix { $0.properties.isWhitespace }.count
    return blanks + before.dropFirst(blanks).prefix { !$0.properties.isWhitespace }.count
  }
}

extension String {
  /// The text of wide characters; what is no Unicode scalar becomes U+FFFD.
  init(wide characters: UnsafeBufferPointer<wchar_t>) {
    var scalars = UnicodeScalarView()
    for character in characters {
      scalars.append(Unicode.Scalar(UInt32(bitPattern: character)) ?? "\u{FFFD}")
    }
    self.init(scalars)
  }

  /// Wide characters with a terminating zero.
  var wide: [wchar_t] {
    unicodeScalars.map(\.wide) + [0]
  }
}
