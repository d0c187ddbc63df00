import Chat
import Foundation

/// Where prompts are looked for.
enum PromptFolders {
  /// The folders in order: `./prompts`, `$LLAMA_CHAT_PROMPTS`, the user's, the installed ones, and for a
  /// program run from where it was built, the source checkout's.
  static var all: [String] {
    let environment = ProcessInfo.processInfo.environment
    var folders = ["prompts"]
    if let named = environment["LLAMA_CHAT_PROMPTS"], !named.isEmpty { folders.append(named) }
    if let data = UserFolders(environment: environment).data { folders.append(data + "/prompts") }
    guard let program = Bundle.main.executableURL?.resolvingSymlinksInPath() else { return folders }
    var folder = program.deletingLastPathComponent()
    folders.append(
      folder.deletingLastPathComponent().appendingPathComponent("share/llama-chat/prompts").path)
    while folder.path != "/" {
      let name = folder.lastPathComponent
      folder.deleteLastPathComponent()
      if name == ".build" { folders.append(folder.appendingPathComponent("prompts").path) }
    }
    return folders
  }
}
