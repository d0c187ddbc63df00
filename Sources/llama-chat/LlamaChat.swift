import ArgumentParser

@main
struct LlamaChat: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "llama-chat",
    abstract: "Talk to a Llama-2-family model on your own machine.")
}
