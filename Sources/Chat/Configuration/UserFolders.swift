/// The user's folders by the XDG base directory rules, the same on every system.
///
/// Relative and empty values are ignored, as the rules ask.
public struct UserFolders: Sendable {
  private let environment: [String: String]

  /// The folders that an environment names.
  public init(environment: [String: String]) {
    self.environment = environment
  }

  /// What the user configures: `$XDG_CONFIG_HOME/llama-chat`, by default under `~/.config`; `nil` without a
  /// home, as the others.
  public var configuration: String? { folder("XDG_CONFIG_HOME", "/.config") }
  /// What the user keeps: `$XDG_DATA_HOME/llama-chat`, by default under `~/.local/share`.
  public var data: String? { folder("XDG_DATA_HOME", "/.local/share") }
  /// What the program remembers: `$XDG_STATE_HOME/llama-chat`, by default under `~/.local/state`.
  public var state: String? { folder("XDG_STATE_HOME", "/.local/state") }
  /// What can be made again: `$XDG_CACHE_HOME/llama-chat`, by default under `~/.cache`.
  public var cache: String? { folder("XDG_CACHE_HOME", "/.cache") }

  private func folder(_ variable: String, _ standard: String) -> String? {
    if let path = environment[variable], path.hasPrefix("/") { return path + "/llama-chat" }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return home + standard + "/llama-chat"
  }
}
