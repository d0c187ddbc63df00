import ModelFile
import Tokenization

/// A text file that goes to the model in front of the next message.
struct Attachment: Hashable, Sendable {
  /// The path as it was typed.
  let path: String
  /// The file's bytes, for people.
  let byteCount: Int
  /// What the model reads: the name, then the text between fences.
  let fenced: String

  /// Reads a file.
  ///
  /// - Throws: ``TextInputError`` when it is no text file.
  init(path: String) throws {
    let text = try TextInput.read(path: path)
    self.path = path
    byteCount = text.utf8.count
    // A fence is longer than any run of backticks in the text, so that the text cannot end it.
    let runs = text.utf8.split { $0 != UInt8(ascii: "`") }.map(\.count)
    let fence = String(repeating: "`", count: max(3, (runs.max() ?? 0) + 1))
    let end = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
    fenced = "\(path):\n\(fence)\n\(text)\(end)\(fence)"
  }
}

extension Repl {
  /// A message with the attached files in front of it.
  func withAttachments(_ message: String) -> String {
    (attachments.map(\.fenced) + [message]).joined(separator: "\n\n")
  }

  /// `:file`: attaches text files to the next message, lists them, or detaches them.
  func attach(_ text: String) throws {
    switch text {
    case "":
      output.notice(attachmentList)
    case "-":
      guard !attachments.isEmpty else { throw CommandError("file", "nothing is attached") }
      let names = attachments.map(\.path).joined(separator: ", ")
      attachments = []
      output.notice("detached \(names)")
    default:
      var added: [Attachment] = []
      for path in try paths(in: text) where !added.contains(where: { $0.path == path }) {
        added.append(try Attachment(path: path))
      }
      for attachment in added { try conversation.refuseControlTags(in: attachment.fenced) }
      let others = attachments.filter { old in !added.contains { $0.path == old.path } }
      try checkRoom(for: others + added)
      attachments = others + added
      output.notice(added.map(line).joined(separator: "\n") + afterSending)
    }
  }

  /// A path with spaces need not be quoted when it is the only one.
  private func paths(in text: String) throws -> [String] {
    if (try? System.status(of: text)) != nil { return [text] }
    do {
      return try Words.split(text)
    } catch {
      throw CommandError("file", "\(error)")
    }
  }

  private func checkRoom(for attachments: [Attachment]) throws {
    let text = attachments.map(\.fenced).joined(separator: "\n\n")
    let alone = conversation.template.encode(
      system: conversation.system, turns: [], pending: text
    ).count
    let reserve = conversation.leastReserve
    guard alone + reserve <= conversation.capacity else {
      throw CommandError(
        "file",
        "does not fit: \(SizeText.grouped(alone)) tokens with the system prompt and "
          + "\(SizeText.grouped(reserve)) for the reply; the context has "
          + "\(SizeText.grouped(conversation.capacity)); nothing is attached", kind: .doesNotFit)
    }
  }

  private func line(for attachment: Attachment) -> String {
    let tokens = conversation.template.tokenizer.encode(attachment.fenced).count
    let size = SizeText.bytes(attachment.byteCount)
    return "attached \(attachment.path): \(size), \(counted(tokens, "token"))"
  }

  /// ` (after send ≈ 1,120/2,048)`.
  private var afterSending: String {
    let needed = conversation.template.encode(
      system: conversation.system, turns: conversation.turns, pending: withAttachments("")
    ).count
    let capacity = conversation.capacity
    var remark = ""
    if needed + conversation.preferredReserve > capacity, let numbers = conversation.turnNumbers {
      remark =
        conversation.settings.overflow == .drop
        ? "; the oldest turns give way"
        : "; no room for both this and the turns there are: :drop \(numbers.lowerBound) or :clear first"
    }
    return " (after send ≈ \(SizeText.grouped(needed))/\(SizeText.grouped(capacity))\(remark))"
  }

  private var attachmentList: String {
    guard !attachments.isEmpty else {
      return "nothing is attached; :file PATH attaches a text file to the next message"
    }
    return attachments.map(line).joined(separator: "\n") + afterSending
  }
}
