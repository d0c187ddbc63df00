import Chat
import Foundation
import Inference
import ModelFile

/// The configuration file, as it is for one model.
struct Configuration {
  /// Where it is, whether or not there is one; `nil` without a home or with `--no-config`.
  let path: String?
  private let file: ConfigFile
  private var values: [ConfigKey: ConfigFile.Entry] = [:]

  /// Reads the user's file.
  init(isWanted: Bool) {
    let folder = UserFolders(environment: ProcessInfo.processInfo.environment).configuration
    path = isWanted ? folder.map { $0 + "/" + ConfigFile.name } : nil
    file = path.map { ConfigFile(path: $0) } ?? ConfigFile()
  }

  /// Says what is wrong with it.
  func report() {
    for warning in file.warnings { Report.warning(warning) }
  }

  /// Takes what holds for a model that goes by some names or paths.
  mutating func choose(forModels paths: [String]) {
    values = file.values(forModels: paths.map { ($0 as NSString).lastPathComponent })
  }

  /// A value's text.
  subscript(key: ConfigKey) -> String? { values[key]?.text }

  /// Yes or no; `nil` when it is not given.
  func flag(_ key: ConfigKey) -> Bool? {
    self[key].map { ["true", "yes", "on"].contains($0.lowercased()) }
  }

  /// Where a value stands; the program's own when it is not given.
  func origin(of key: ConfigKey) -> Origin {
    values[key].map { .config($0.place) } ?? .standard
  }

  /// Threads; `nil` when they are not given.
  var threads: ThreadChoice? {
    // Both were checked when the file was read.
    self[.threads].flatMap { try? ThreadChoice(argument: $0) }
  }

  /// Leaves out a value that does not suit the model, with a warning.
  mutating func leaveOut(_ key: ConfigKey, because reason: String) {
    guard let entry = values.removeValue(forKey: key) else { return }
    Report.warning("\(entry.place): \(key.name): \(reason); left out")
  }

  /// Sets the settings that are given; one the context is too small for is left out.
  mutating func apply(to settings: inout Settings) {
    for key in Settings.Key.allCases {
      guard let entry = values[.setting(key)] else { continue }
      do { try settings.set(key, to: entry.text) } catch {
        leaveOut(.setting(key), because: (error as? SettingError)?.reason ?? "\(error)")
      }
    }
  }

  /// What the model is told: a system prompt, or one of the library's.
  ///
  /// Of both, the one for fewer models holds.
  enum Told {
    case system(String)
    case prompt(String)
  }

  var told: Told? {
    let system = values[.system].map { Told.system($0.text) }
    guard let prompt = values[.prompt] else { return system }
    guard let entry = values[.system] else { return .prompt(prompt.text) }
    let promptHolds = prompt.pattern != nil && entry.pattern == nil
    let loser = promptHolds ? entry : prompt
    if (prompt.pattern == nil) == (entry.pattern == nil) {
      Report.warning("\(loser.place): \(loser.key.name): a system prompt is given too; left out")
    }
    return promptHolds ? .prompt(prompt.text) : system
  }

  /// A prompt of the library as the model's character: its own messages are for whoever asks for them.
  func persona(_ name: String, in library: PromptLibrary) -> RenderedPrompt? {
    let place = values[.prompt]?.place ?? ConfigFile.name
    do {
      var prompt = try library.prompt(named: name).rendered()
      guard prompt.system != nil else {
        Report.warning("\(place): prompt: \(name) has no system prompt; left out")
        return nil
      }
      prompt.messages = []
      prompt.isPersona = true
      return prompt
    } catch {
      Report.warning("\(place): prompt: \((error as? any Failure)?.description ?? "\(error)")")
      return nil
    }
  }
}
