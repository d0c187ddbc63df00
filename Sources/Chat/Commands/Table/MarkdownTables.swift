/// The tables of the README, which say what the code says.
package enum MarkdownTables {
  /// A row a command, in groups.
  package static var commands: String {
    Command.Group.allCases.map { group in
      let rows = CommandTable.all.filter { $0.group == group }.map { command in
        let names = [command.synopsis] + command.aliases.map { ":" + $0 }
        return "| \(names.map(code).joined(separator: " ")) | \(escaped(command.summary)) |"
      }
      return (["| \(group.rawValue) | |", "|---|---|"] + rows).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// A row a key.
  package static var keys: String {
    KeyDescription.Moment.allCases.map { moment in
      let rows = KeyTable.all.filter { $0.moment == moment }.map {
        "| \(escaped($0.keys)) | \(escaped($0.summary)) |"
      }
      return (["| \(moment.rawValue) | |", "|---|---|"] + rows).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private static func code(_ text: String) -> String { "`\(escaped(text))`" }

  /// A bar would end the cell, also in code.
  private static func escaped(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
