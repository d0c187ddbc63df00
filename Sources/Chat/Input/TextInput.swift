import Foundation
import ModelFile

/// Text from a file or a pipe, checked.
public enum TextInput {
  /// The most bytes read from a text file or a pipe.
  public static let maximumSize = 4_000_000

  /// Bytes as text: UTF-8 without NUL, a byte-order mark removed, CRLF made LF.
  ///
  /// - Parameter name: The file's name, for the error.
  /// - Throws: ``TextInputError`` with the first wrong byte and its line.
  public static func decode(_ bytes: [UInt8], name: String) throws -> String {
    if let zero = bytes.firstIndex(of: 0) {
      throw TextInputError(
        name: name, line: lineNumber(at: zero, in: bytes),
        reason: "byte \(zero) is NUL; expected a text file")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let wrong = firstInvalidByte(of: bytes)
      throw TextInputError(
        name: name, line: lineNumber(at: wrong, in: bytes),
        reason: "byte \(wrong) (0x\(String(bytes[wrong], radix: 16))) is not UTF-8")
    }
    var scalars = text.unicodeScalars[...]
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    return String(scalars).replacingOccurrences(of: "\r\n", with: "\n")
  }

  /// The text of a file; `~` is the home folder.
  ///
  /// - Parameters:
  ///   - acceptsPipes: Whether to wait for what a pipe or a device gives, which may be for ever.
  ///   - limit: The most bytes.
  /// - Throws: ``TextInputError`` when it is missing, no file, too large, or not text.
  public static func read(
    path: String, acceptsPipes: Bool = false, limit: Int = maximumSize
  ) throws -> String {
    let expanded = (path as NSString).expandingTildeInPath
    func wrong(_ reason: String) -> TextInputError {
      TextInputError(name: path, line: nil, reason: reason)
    }
    let file: FileHandle
    do {
      let kind = try System.status(of: expanded).kind
      guard kind != .directory else { throw wrong("is a folder; expected a text file") }
      if kind == .regular {
        // Without waiting, should it have become a pipe meanwhile.
        let descriptor = try System.openForReading(expanded)
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      } else if acceptsPipes, let pipe = FileHandle(forReadingAtPath: expanded) {
        file = pipe
      } else {
        throw wrong("is a pipe or a device; expected a text file")
      }
    } catch let error as SystemError {
      throw wrong(error.isMissingFile ? "no such file" : "cannot be opened: \(error.text)")
    }
    let data: Data
    do {
      data = try file.read(upToCount: limit + 1) ?? Data()
    } catch {
      throw wrong("cannot be read")
    }
    guard data.count <= limit else {
      throw wrong("is larger than \(SizeText.bytes(limit)); too long for text")
    }
    return try decode([UInt8](data), name: path)
  }

  private static func lineNumber(at offset: Int, in bytes: [UInt8]) -> Int {
    1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
  }

  /// Where the first sequence that is not UTF-8 begins.
  private static func firstInvalidByte(of bytes: [UInt8]) -> Int {
    var decoder = UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.parseScalar(from: &iterator) {
      case .valid(let scalar): offset += scalar.count
      case .emptyInput, .error: return min(offset, max(0, bytes.count - 1))
      }
    }
  }
}

/// A text file or pipe that is not text.
public struct TextInputError: Failure, Hashable {
  /// The file's name, or `standard input`.
  public let name: String
  /// The line, where that makes sense.
  public let line: Int?
  /// See ``Failure/reason``.
  public let reason: String

  /// `NAME:LINE`.
  public var place: String? { line.map { "\(name):\($0)" } ?? name }
  /// See ``Failure/kind``.
  public var kind: FailureKind { .damagedFile }
}
