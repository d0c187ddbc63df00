import Inference
import ModelFile
import Tokenization

extension CommandTable {
  /// Commands on text in files.
  static let texts: [Command] = [
    Command(
      "prompt", usage: "NAME [k=v…] [text]",
      summary: "from a file; its system prompt, settings and messages",
      example: ":prompt explainer topic=\"black holes\"", group: .conversation,
      argument: .promptName, run: { try $0.prompt($1) }),
    Command(
      "prompts", summary: "list the library", example: ":prompts", group: .conversation,
      run: { repl, _ in repl.listPrompts() }),
    Command(
      "file", ["f"], usage: "[PATH…|-]", summary: "attach text files; - detaches",
      example: ":file notes.txt", group: .conversation, argument: .files,
      run: { try $0.attach($1) }),
  ]
}

/// Settings as they were before a prompt, for when it is over.
struct BorrowedSettings {
  private struct Change {
    var key: Settings.Key
    var before: String
    var during: String
  }
  private var changes: [Change] = []

  /// Sets what a prompt wants, and remembers what was.
  ///
  /// - Parameter pinned: What the user has asked for and stays.
  /// - Throws: ``SettingError``; nothing is changed then.
  init(
    _ wanted: [Settings.Key: String], in settings: inout Settings, pinned: Set<Settings.Key> = []
  ) throws {
    let old = settings
    var new = settings
    for key in PromptFile.settingKeys where !pinned.contains(key) {
      guard let text = wanted[key] else { continue }
      // More than the context holds is no limit.
      let isBeyond = key == .max && (Int(text) ?? 0) > new.capacity
      try new.set(key, to: isBeyond ? "0" : text)
      changes.append(
        Change(key: key, before: old.text(of: key), during: new.text(of: key)))
    }
    settings = new
  }

  /// Gives back what was, but for what the user has changed meanwhile.
  func giveBack(in settings: inout Settings) {
    for change in changes where settings.text(of: change.key) == change.during {
      // It was in range before.
      try? settings.set(change.key, to: change.before)
    }
  }

  /// What a setting was set to; `nil` when it was not.
  func value(of key: Settings.Key) -> String? { changes.first { $0.key == key }?.during }

  /// `temp 0.70 → 0.60`, of what is another value than before.
  var remarks: [String] {
    changes.filter { $0.before != $0.during }
      .map { "\($0.key.rawValue) \($0.before) → \($0.during)" }
  }
}

extension Repl {
  /// Begins with a prompt, before any line.
  ///
  /// - Throws: Unless interactive, as ``use(_:pinned:isQuiet:)``, and `Interrupted` for a stopped reply.
  public func begin(with prompt: RenderedPrompt, pinned: Set<Settings.Key>, mode: Mode) throws {
    self.mode = mode
    defer { keep() }
    do {
      try use(prompt, pinned: pinned, isQuiet: prompt.isPersona || mode != .interactive)
    } catch let failure as any Failure where mode == .interactive {
      output.problem(failure.description)
    }
  }

  /// `:prompt NAME [k=v…] [text]`.
  func prompt(_ line: String) throws {
    let call: PromptCall
    do { call = try PromptCall(line) } catch { throw CommandError("prompt", "\(error)") }
    guard !call.name.isEmpty else {
      let current = promptName.map { "in use: \($0); " } ?? ""
      throw CommandError("prompt", "\(current)expected a name; :prompts lists them")
    }
    let file = try prompts.prompt(named: call.name)
    let rendered = try file.rendered(call.values, input: call.text)
    for warning in file.warnings { output.notice("warning: \(warning.description)") }
    try use(rendered)
  }

  /// Tells the model what a prompt says: the system prompt, which stays, then its messages.
  ///
  /// Its settings hold for the messages; without any, until another system prompt is given.
  ///
  /// - Parameters:
  ///   - pinned: Settings that stay as they are.
  ///   - isQuiet: Whether nothing is said of what changes.
  /// - Throws: ``ChatError`` when the system prompt or the first message cannot be sent; nothing is changed
  ///   then. A later message that cannot be sent ends it.
  public func use(
    _ prompt: RenderedPrompt, pinned: Set<Settings.Key> = [], isQuiet: Bool = false
  ) throws {
    let before = (
      system: conversation.system, settings: conversation.settings, name: promptName,
      borrowed: borrowed
    )
    // What an earlier prompt had changed is no longer wanted with another system prompt.
    if prompt.system != nil { giveBackSettings() }
    let settings: BorrowedSettings
    do {
      settings = try BorrowedSettings(
        prompt.settings, in: &conversation.settings, pinned: pinned)
      if let system = prompt.system, system != before.system { try conversation.setSystem(system) }
    } catch {
      (conversation.settings, borrowed) = (before.settings, before.borrowed)
      throw error
    }
    if prompt.system != nil { promptName = prompt.name }
    if prompt.isPersona { borrowed = settings }
    defer { if !prompt.isPersona { settings.giveBack(in: &conversation.settings) } }
    noteOrigins(of: prompt)
    if !isQuiet { announce(prompt, settings, isNewSystem: conversation.system != before.system) }

    let answered = statistics.count
    do {
      try send(prompt, showsMessages: !prompt.isPersona && !isQuiet)
    } catch {
      if !(error is Interrupted), statistics.count == answered {
        try conversation.setSystem(before.system)
        (conversation.settings, borrowed) = (before.settings, before.borrowed)
        promptName = before.name
      }
      throw error
    }
  }

  /// What stays when its messages are answered.
  private func noteOrigins(of prompt: RenderedPrompt) {
    guard prompt.system != nil else { return }
    for key in [ConfigKey.system, .prompt] { noteOrigin(of: key, .prompt(prompt.name)) }
  }

  /// Sends a prompt's messages one after the other, until one is stopped.
  ///
  /// Those of the file are shown; a text that was typed just now need not be.
  private func send(_ prompt: RenderedPrompt, showsMessages: Bool) throws {
    for (index, message) in prompt.messages.enumerated() {
      if showsMessages { output.notice(Self.preview(of: message)) }
      let ending = try answer(.message(message))
      guard ending == nil || ending == .interrupted else { continue }
      let left = prompt.messages.count - index - 1
      if left > 0 {
        output.notice("\(prompt.name): \(counted(left, "further message")) not sent")
      }
      return
    }
  }

  private func announce(
    _ prompt: RenderedPrompt, _ settings: BorrowedSettings, isNewSystem: Bool
  ) {
    var parts: [String] = []
    if let system = prompt.system, isNewSystem || prompt.isPersona {
      let tokens = conversation.template.systemLength(system)
      parts.append("system: \(prompt.name) (\(counted(tokens, "token")))")
    }
    if prompt.isPersona {
      parts += settings.remarks
    } else if !settings.remarks.isEmpty {
      parts.append("for this prompt: " + settings.remarks.joined(separator: ", "))
    }
    if isNewSystem, prompt.messages.isEmpty { parts.append(rereading) }
    if !parts.isEmpty { output.notice(parts.joined(separator: "; ")) }
  }

  /// Lines of a message that are shown; a file in it may be long.
  private static let previewLines = 20

  /// A message as it is sent, or its beginning.
  private static func preview(of message: String) -> String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.prefix(previewLines).joined(separator: "\n")
    let left = lines.count - previewLines
    return "> " + shown + (left > 0 ? "\n… \(counted(left, "more line"))" : "")
  }

  /// Ends what a prompt of the library had changed.
  func giveBackSettings() {
    borrowed?.giveBack(in: &conversation.settings)
    borrowed = nil
  }

  /// `:prompts`.
  func listPrompts() {
    let (found, problems) = prompts.contents()
    if found.isEmpty, problems.isEmpty {
      output.notice("no prompts in \(prompts.folders.joined(separator: ", "))")
      return
    }
    let width = found.map(\.name.count).max() ?? 0
    let tokenizer = conversation.template.tokenizer
    let rows = found.map { prompt in
      let mark = prompt.name == promptName ? "*" : " "
      let tokens = prompt.texts.reduce(0) { $0 + tokenizer.encode($1).count }
      let usage = prompt.usage.isEmpty ? "" : " · " + prompt.usage
      return "\(mark) \(padded(prompt.name, to: width))  \(prompt.title) "
        + "(\(counted(tokens, "token")))\(usage)"
    }
    if !rows.isEmpty { output.notice(rows.joined(separator: "\n")) }
    for problem in found.flatMap(\.warnings) { output.notice("warning: \(problem.description)") }
    for problem in problems { output.problem(problem.description) }
  }
}
