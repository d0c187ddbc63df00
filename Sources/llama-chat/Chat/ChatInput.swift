import ArgumentParser
import Chat
import Foundation
import ModelFile

/// `--stdin`: how standard input is cut into messages.
enum InputCut: String, ExpressibleByArgument, CaseIterable {
  /// The whole input is one message.
  case message
  /// Every line is a message.
  case lines
  /// Messages and commands, as if typed.
  case script

  /// How the lines are cut.
  var cut: ScriptLines.Cut {
    switch self {
    case .message: .message
    case .lines: .lines
    case .script: .script
    }
  }

  /// What the lines mean.
  var mode: Repl.Mode { self == .script ? .script : .messages }
}

extension ChatCommand {
  /// Text that takes the place of a person.
  struct ScriptedInput {
    let lines: any LineSource
    let mode: Repl.Mode
    let cut: ScriptLines.Cut
    /// The text, if it is one message and all there is.
    var message: String?
  }

  /// What is to be answered without a person; `nil` for a conversation.
  ///
  /// - Throws: ``InputError`` when there is nothing, ``TextInputError`` for what is not text.
  func scriptedInput() throws -> ScriptedInput? {
    if let script {
      let content = try TextInput.read(path: script, acceptsPipes: true)
      let lines = ScriptLines(content, name: script, cut: .script)
      return ScriptedInput(lines: precede(lines, with: text.prompt), mode: .script, cut: .script)
    }
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal, stdin == nil {
      guard let prompt = text.prompt else { return nil }
      return ScriptedInput(
        lines: ScriptLines(prompt, name: "--prompt", cut: .message), mode: .messages,
        cut: .message, message: prompt)
    }
    let choice = stdin ?? .message
    let input = try standardInput()
    let isEmpty = input.allSatisfy(\.isWhitespace)
    if isEmpty, text.prompt == nil, text.promptName == nil {
      throw InputError(reason: "is empty; expected a message, or --prompt TEXT")
    }
    guard choice == .message else {
      let lines = ScriptLines(input, name: InputError.name, cut: choice.cut)
      return ScriptedInput(
        lines: precede(lines, with: text.prompt), mode: choice.mode, cut: choice.cut)
    }
    let message = [text.prompt, isEmpty ? nil : input].compactMap { $0 }.joined(separator: "\n\n")
    return ScriptedInput(
      lines: ScriptLines(message, name: InputError.name, cut: .message), mode: .messages,
      cut: .message, message: message.isEmpty ? nil : message)
  }

  private func precede(_ lines: ScriptLines, with prompt: String?) -> any LineSource {
    guard let prompt else { return lines }
    return FirstThen(first: prompt, then: lines)
  }

  private func standardInput() throws -> String {
    let data: Data
    do {
      data = try FileHandle.standardInput.read(upToCount: TextInput.maximumSize + 1) ?? Data()
    } catch {
      throw InputError(reason: "cannot be read", kind: .running)
    }
    guard data.count <= TextInput.maximumSize else {
      throw InputError(
        reason: "is longer than \(SizeText.bytes(TextInput.maximumSize)); expected a message")
    }
    return try TextInput.decode([UInt8](data), name: InputError.name)
  }
}

/// One message, then the lines of another source.
private final class FirstThen: LineSource {
  private var first: String?
  private let rest: any LineSource

  init(first: String, then rest: any LineSource) {
    self.first = first
    self.rest = rest
  }

  var place: String? { first == nil ? rest.place : "--prompt" }

  func read(prefill: String?, status: PromptStatus?) throws -> LineEvent {
    guard let line = first else { return try rest.read(prefill: prefill, status: status) }
    first = nil
    return .line(line)
  }
}
