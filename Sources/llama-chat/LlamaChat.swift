import ArgumentParser

/// The command line: `chat` unless a subcommand is named.
struct LlamaChat: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "llama-chat",
    abstract: "Talk to a Llama-2-family model on your own machine.",
    usage: """
      llama-chat [MODEL] [chat options]
      llama-chat SUBCOMMAND …
      """,
    discussion: """
      Without a subcommand it chats: see `llama-chat help chat` for the options.

      Exit codes: 0 ok; 1 failed while running; 2 usage, or a command that failed in a script; 3 a file \
      is missing, damaged, foreign or does not match; 4 does not fit (memory, disk, context); 5 damaged \
      numbers.
      """,
    version: "0.1.0",
    subcommands: [
      ChatCommand.self, GenerateCommand.self, ConvertCommand.self, InspectCommand.self,
      TokenizeCommand.self, BenchCommand.self, DevicesCommand.self,
    ],
    defaultSubcommand: ChatCommand.self)
}
