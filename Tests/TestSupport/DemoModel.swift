import Foundation

/// The converted demo model, SmolLM2-135M-Instruct, where there is one.
public enum DemoModel {
  /// Its file: `$LLAMA_CHAT_DEMO_MODEL`, else the one `make chat` leaves in the checkout.
  public static let path: String? = {
    let made = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("models/SmolLM2-135M-Instruct.bin").path
    let named = ProcessInfo.processInfo.environment["LLAMA_CHAT_DEMO_MODEL"]
    return [named, made].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }
  }()
}
