extension CommandTable {
  /// All commands under their headings, at most 24 lines.
  public static var overview: String {
    var lines: [String] = []
    for group in Command.Group.allCases {
      guard !group.isCompact else {
        lines.append(wrapped(all.filter { $0.group == group }.map(\.synopsis)))
        continue
      }
      lines.append(group.rawValue)
      lines += columns(all.filter { $0.group == group })
    }
    lines.append(":help CMD for one of them, :help keys for the keyboard; ::x sends \":x\"")
    return lines.joined(separator: "\n")
  }

  /// Two commands a line; one that is too long for half a line has one for itself.
  private static func columns(_ commands: [Command]) -> [String] {
    let half = 40
    var lines: [String] = []
    var left: String?
    for cell in commands.map({ "\(padded($0.synopsis, to: 13))  \($0.brief)" }) {
      if let first = left, cell.count <= half {
        lines.append(padded(first, to: half) + cell)
        left = nil
        continue
      }
      if let first = left { lines.append(first) }
      left = "  " + cell
      if cell.count + 3 > half {
        lines.append("  " + cell)
        left = nil
      }
    }
    return lines + [left].compactMap { $0 }
  }

  /// One command: how to type it, what it does, an example.
  public static func help(for command: Command) -> String {
    var lines = ["\(command.synopsis)  \(command.summary)"]
    if !command.aliases.isEmpty {
      lines.append("also: " + command.aliases.map { ":" + $0 }.joined(separator: " "))
    }
    lines.append("example: \(command.example)")
    return lines.joined(separator: "\n")
  }
}

extension Repl {
  /// `:help`.
  func help(_ topic: String) throws {
    let name = topic.hasPrefix(":") ? String(topic.dropFirst()) : topic
    if name.isEmpty {
      output.notice(CommandTable.overview)
    } else if name == "keys" {
      output.notice(KeyTable.text)
    } else if let command = CommandTable.command(named: name) {
      output.notice(CommandTable.help(for: command))
    } else {
      let known = CommandTable.all.map(\.name) + ["keys"]
      let hint = closest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
      throw CommandError("help", "no command \"\(name)\"\(hint)")
    }
  }
}
