import ArgumentParser

/// `llama-chat MODEL.bin`: the conversation.
struct ChatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Chat with a model (the default).")

  @Argument(help: "The model file.")
  var model: String

  func run() throws {
    throw ValidationError("chat is not built yet")
  }
}
