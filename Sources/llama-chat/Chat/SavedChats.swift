import Chat
import Foundation
import Inference
import ModelFile
import Tokenization

/// A chat of earlier to go on with.
struct EarlierChat {
  let session: Session
  let path: String
  /// The name it was saved under.
  let name: String?
  /// Whether it is a chat that was kept without being asked to.
  let isAutosave: Bool
  /// Whether it is of the model in use, so that its template and context are meant for it.
  let isOfThisModel: Bool
}

extension ChatSessionOptions {
  /// The keeper of this run's chat; `nil` without a home.
  ///
  /// - Parameters:
  ///   - isInteractive: Answers to scripts are kept only when they go on with a chat.
  ///   - autosaves: Whether chats are kept without being asked to.
  func keeper(isInteractive: Bool, autosaves: Bool) -> SessionKeeper? {
    SessionStore(environment: ProcessInfo.processInfo.environment).map {
      SessionKeeper(
        store: $0, autosaves: autosaves && (isInteractive || continues), warn: Report.warning)
    }
  }

  /// The chat that `--continue` or `--load` asks for.
  ///
  /// - Throws: `Failure` when there is none, or it cannot be read.
  func earlierChat(
    _ keeper: SessionKeeper?, model: Model, vocabulary: Vocabulary
  ) throws -> EarlierChat? {
    guard continues || load != nil else { return nil }
    let fingerprint = ModelFingerprint(of: model, vocabulary: vocabulary)
    if let load {
      let named = access(load, F_OK) == 0 ? nil : keeper?.store.savedPath(named: load)
      let session = try SessionFile.read(path: named ?? load)
      return EarlierChat(
        session: session, path: named ?? load, name: named == nil ? nil : load, isAutosave: false,
        isOfThisModel: session.model == fingerprint)
    }
    guard let keeper else {
      throw InputError(
        place: "--continue", reason: "there is no folder of earlier chats; set HOME",
        kind: .damagedFile)
    }
    let last = try keeper.lastChat(with: fingerprint)
    return EarlierChat(
      session: last.session, path: last.path, name: nil, isAutosave: true, isOfThisModel: true)
  }

  /// Runs a saved chat again.
  ///
  /// - Throws: ``ReplayError`` at the first difference, if it is to be checked.
  func run(
    replay path: String, model: String, with options: EngineOptions, output: any ProgramOutput
  ) throws {
    let session = try SessionFile.read(path: path)
    let (engine, tokenizer) = try options.load(model)
    let template = try ChatTemplate(
      kind: session.template, tokenizer: tokenizer, metadata: engine.model.metadata)
    let replay = try Replay(session, path: path, engine: engine, template: template)
    do {
      let summary = try replay.run(interrupt: interruptFlag) { _, turn in
        guard !check else { return }
        output.reply(turn.answer)
        output.endReply()
      }
      output.notice("\(path): came out the same: \(summary.text)")
    } catch let difference as ReplayError {
      if check { throw difference }
      Report.warning(difference.description)
    }
  }
}
