import ArgumentParser
import Chat
import Foundation
import Inference
import ModelFile

/// The lines a conversation begins with, on standard error: three, where they fit.
enum Banner {
  /// Says what is running, with which settings, and how to get help.
  static func show(_ repl: Repl, plain: Bool) {
    let conversation = repl.conversation
    let checkpoint = conversation.engine.model.checkpoint
    let settings = conversation.settings
    let name = (checkpoint.path as NSString).lastPathComponent
    let dot = plain ? ", " : " · "
    let lines = [
      [
        "llama-chat \(LlamaChat.configuration.version)",
        "\(name) (\(SizeText.bytes(checkpoint.fileSize)) mapped)",
        "ctx \(conversation.capacity)",
        conversation.engine.usesCPU
          ? counted(conversation.engine.threads, "thread") : conversation.engine.device,
      ],
      [
        "temp \(settings.text(of: .temp))", "topp \(settings.text(of: .topp))",
        "seed \(settings.text(of: .seed))", repl.systemDescription,
      ],
      [":help for commands"]
        + (plain ? [] : ["Alt-Enter or Ctrl-J for a new line"]) + ["Ctrl-C stops the reply"],
    ]
    // Whole parts a row, where they are too many for one.
    let isBroken = !plain && isatty(STDERR_FILENO) == 1
    let columns = isBroken ? TerminalStyle.columns(of: STDERR_FILENO) : .max
    let rows = lines.flatMap {
      visible($0.joined(separator: dot), singleLine: true).rows(ofParts: dot, columns: columns)
    }
    writeAll(rows.joined(separator: "\n") + "\n", to: STDERR_FILENO)
  }
}
