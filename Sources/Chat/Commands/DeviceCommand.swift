import Inference
import ModelFile
import OpenCLDevice

extension Conversation {
  /// Has another device compute; the chat stays, and is read again there before the next reply.
  ///
  /// - Throws: `DeviceError`, `InferenceError`, `Interrupted`; the chat then stays where it is.
  public func move(
    to choice: DeviceChoice, settings: DeviceSettings, interrupt: InterruptFlag,
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let before = engine.backend
    try engine.use(choice, settings: settings, interrupt: interrupt, progress: progress)
    do {
      cache = try engine.makeCache(capacity: capacity, type: cache.type)
    } catch {
      engine.use(before)
      throw error
    }
    // A speed of another device says nothing about this one.
    readingSpeed = nil
  }
}

extension Repl {
  /// What `:device` knows.
  static let deviceWords = ["cpu", "gpu"]

  /// `:device`: shows what there is, or has another device compute.
  func device(_ text: String) throws {
    let engine = conversation.engine
    guard !text.isEmpty else { return output.notice(deviceList) }
    guard let choice = DeviceChoice(text) else {
      throw CommandError("device", "must be cpu, gpu or gpu:N, got \"\(text)\"")
    }
    let old = engine.device
    guard choice.name != old else { return output.notice("device \(old) already") }
    let unread = conversation.cache.count
    let upload =
      choice == .cpu
      ? "" : "\(SizeText.bytes(engine.model.checkpoint.fileSize)) to upload, "
    output.notice("device \(old) → \(choice.name): \(upload)\(price(of: unread))")
    interrupt.clear()
    defer { output.progress(nil) }
    do {
      try conversation.move(to: choice, settings: devices, interrupt: interrupt) {
        [output] done, total in
        output.progress("upload \(percent(Double(done) / Double(max(1, total))))")
      }
    } catch let stop as Interrupted {
      guard mode == .interactive else { throw stop }
      output.notice("stopped; device stays \(old)")
    }
  }

  private var deviceList: String {
    let engine = conversation.engine
    func line(_ name: String, _ text: String) -> String {
      "\(padded(name, to: 7))\(text)\(name == engine.device ? "  ←" : "")"
    }
    var lines = [
      line("cpu", "\(engine.instructionSet) · \(counted(engine.threads, "thread"))")
    ]
    do {
      lines += try Device.all().map {
        line($0.label, "\($0.name) · \(SizeText.bytes($0.memory))")
      }
    } catch {
      lines.append(error.description)
    }
    return lines.joined(separator: "\n")
  }
}
