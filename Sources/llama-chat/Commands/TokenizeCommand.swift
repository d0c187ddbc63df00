import ArgumentParser
import CEditLine
import Chat
import Conversion
import Foundation
import ModelFile
import Tokenization

/// `llama-chat tokenize`: text to ids and back, line by line.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn lines of text into token ids, or back.",
    discussion: """
      Reads standard input. Plain: a line of text gives its ids and pieces; with --decode a line of \
      ids gives its text. With --json a JSON string a line gives a JSON array of ids a line, and \
      --decode goes back. No BOS is added.
      """)

  @Argument(
    help: """
      A model, as `convert` reads it or by its name as for chat, or a tokenizer.bin or tokenizer.model.
      """,
    completion: .file())
  var file: String

  @Flag(help: "JSON strings in, JSON arrays out; any text fits, newlines included.")
  var json = false

  @Flag(help: "From ids to text.")
  var decode = false

  mutating func run() throws {
    file = try ModelChoice().path(named: file)
    let tokenizer = try vocabulary().makeTokenizer()
    var number = 0
    while let line = try InputLines.next() {
      number += 1
      let place = "standard input, line \(number)"
      let result =
        decode
        ? try decoded(line, with: tokenizer, place) : try encoded(line, with: tokenizer, place)
      try writeResult(result + "\n")
    }
  }

  /// The tokenizer of a model, or a tokenizer file by itself.
  private func vocabulary() throws -> Vocabulary {
    if let kind = try? SourceKind(of: file), kind != .modelFile, kind != .tokenizer {
      guard let vocabulary = try ModelConverter(path: file).vocabulary else {
        throw InputError(place: file, reason: "has no tokenizer", kind: .damagedFile)
      }
      return vocabulary
    }
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(path: file)
    } catch let notAModel {
      do {
        return try Vocabulary(path: file)
      } catch let notATokenizer {
        let reasons = [notAModel, notATokenizer].map { ($0 as? any Failure)?.reason ?? "\($0)" }
        guard reasons[0] != reasons[1] else { throw notATokenizer }
        throw InputError(
          place: file, reason: "is no model: \(reasons[0]); and no tokenizer: \(reasons[1])",
          kind: .damagedFile)
      }
    }
    return try Vocabulary.resolve(for: checkpoint, override: nil)
  }

  private func encoded(
    _ line: [UInt8], with tokenizer: any Tokenizer, _ place: String
  ) throws -> String {
    guard json else {
      let ids = tokenizer.encode(line)
      let list = tokenizer.vocabulary.pieces
      let pieces = ids.map { TerminalText.quoted(list[Int($0)]) }
      return ids.map(String.init).joined(separator: " ") + "\t" + pieces.joined(separator: " ")
    }
    let text = try parsed(String.self, line, "a JSON string", place)
    return "[" + tokenizer.encode(text).map(String.init).joined(separator: ",") + "]"
  }

  private func decoded(
    _ line: [UInt8], with tokenizer: any Tokenizer, _ place: String
  ) throws -> String {
    let ids: [TokenID] =
      json
      ? try parsed([TokenID].self, line, "a JSON array of ids", place)
      : try line.split(whereSeparator: { " \t\r".utf8.contains($0) }).map { field in
        guard let id = TokenID(String(decoding: field, as: UTF8.self)) else {
          throw InputError(
            place: place, reason: "expected token ids separated by spaces, found \(found(field))")
        }
        return id
      }
    if let id = ids.first(where: { !(0..<tokenizer.vocabulary.count).contains(Int($0)) }) {
      throw InputError(
        place: place,
        reason: "token id \(id) is outside the vocabulary of \(tokenizer.vocabulary.count)")
    }
    let text = tokenizer.decode(
      ids, stripsLeadingSpace: tokenizer.vocabulary.addsSpacePrefix)
    return json ? try jsonString(text) : text
  }

  private func parsed<Value: Decodable>(
    _: Value.Type, _ line: [UInt8], _ expected: String, _ place: String
  ) throws -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(line))
    } catch {
      throw InputError(place: place, reason: "expected \(expected), found \(found(line[...]))")
    }
  }

  /// The beginning of what stands in a line, for an error.
  private func found(_ text: ArraySlice<UInt8>) -> String {
    text.isEmpty
      ? "an empty line" : TerminalText.quoted(Array(text.prefix(40))) + (text.count > 40 ? "…" : "")
  }

  private func jsonString(_ text: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(text), as: UTF8.self)
  }
}

/// Standard input as lines of bytes, read as they come.
enum InputLines {
  /// The most bytes of a line: whatever tokens and text are made of it stays in memory.
  static let longest = 16 << 20

  /// The next line without its newline; `nil` at the end.
  ///
  /// - Throws: ``SystemFailure`` when input cannot be read, ``InputError`` for a longer line than that.
  static func next() throws -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      let byte = getchar()
      if byte == EOF {
        guard ferror(editline_stdin()) == 0 else {
          throw SystemFailure(call: "cannot read", code: errno, place: InputError.name)
        }
        return line.isEmpty ? nil : line
      }
      if byte == 0x0A { return line }
      guard line.count < longest else {
        throw InputError(reason: "a line is longer than \(SizeText.bytes(longest))")
      }
      line.append(UInt8(truncatingIfNeeded: byte))
    }
  }
}
