import Chat
import Conversion
import Foundation
import Inference
import ModelFile

/// Models of other formats, converted once and kept in `$XDG_CACHE_HOME/llama-chat`.
///
/// Beside each file is a note of what it was made from; when the source is not that any more, it is
/// converted again.
struct ConvertedModels {
  /// What the engine reads fastest.
  private static let version = 2
  /// Bytes a second of an ordinary disk, for a guess at the time.
  private static let usualRate = 300e6

  /// Whether to convert without asking.
  let isConfirmed: Bool
  /// A tokenizer that goes into the file instead of the source's own.
  let tokenizer: String?

  /// The model file for a path: itself when it is one, else the converted one.
  ///
  /// - Throws: ``InputError`` when the user says no or cannot be asked, and what opening and conversion
  ///   throw.
  func modelFile(for source: String) throws -> String {
    // What is no source at all gets its error as a model file.
    guard let kind = try? SourceKind(of: source), kind != .modelFile, kind != .tokenizer else {
      return source
    }
    try Self.createFolder()
    let target = Self.target(for: source)
    let state = try state(of: source)
    let note = FileManager.default.contents(atPath: target + ".source")
    let isThere = FileManager.default.fileExists(atPath: target)
    if isThere, note == Data(state.utf8) { return target }

    let converter = try ModelConverter(
      path: source, options: SourceOptions(tokenizer: tokenizer))
    let size = try converter.outputBytes(version: Self.version, groupSize: nil)
    let time = Double(converter.inputBytes + size) / Self.usualRate
    let changed = isThere && note != nil ? " and has changed since it was converted" : ""
    Self.say(
      "\(source) is \(kind.summary)\(changed). To be used, it is converted once to \(target) "
        + "(int8, \(SizeText.bytes(size)), about \(seconds(max(1, time))))")
    try confirm(source)
    try convert(converter, source, to: target)
    do {
      try Data(state.utf8).write(to: URL(fileURLWithPath: target + ".source"), options: .atomic)
    } catch {
      Report.warning(
        "\(target).source: \(error.localizedDescription); next time it is converted again")
    }
    return target
  }

  private func convert(_ converter: ModelConverter, _ source: String, to target: String) throws {
    for file in LeftoverFile.all(of: target) {
      Report.warning("\(file.path): \(SizeText.bytes(file.size)) left by a conversion; remove it")
    }
    try Signals.install()
    Signals.enter(.writing)
    defer { Signals.enter(.starting) }
    for warning in converter.warnings(version: Self.version) {
      Report.warning("\(source): \(warning)")
    }
    var meter = ConversionMeter(isShown: true)
    try converter.convert(
      to: target, version: Self.version, groupSize: nil, overwrite: true
    ) { done, total, tensor in
      if interruptFlag.isRaised { throw Interrupted() }
      meter.update(done: done, total: total, tensor: tensor)
    }
    meter.finish(output: target)
  }

  /// Asks on a terminal; elsewhere only `--yes` will do.
  private func confirm(_ source: String) throws {
    guard !isConfirmed else { return }
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
      throw InputError(
        place: source,
        reason: "has to be converted first; pass --yes to let it be, or run `llama-chat convert`")
    }
    writeAll("Convert it now? [Y/n] ", to: STDERR_FILENO)
    let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
    guard let answer, ["", "y", "yes"].contains(answer) else {
      throw InputError(
        place: source, reason: "was not converted, and only converted can it be used")
    }
  }

  private static func say(_ text: String) {
    writeAll(visible(text, singleLine: true) + "\n", to: STDERR_FILENO)
  }

  // MARK: - The cache

  /// The folder of converted models.
  static var folder: String {
    UserFolders(environment: ProcessInfo.processInfo.environment).cache
      ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.cache/llama-chat"
  }

  /// Where the converted file of a source is kept: its name, and a number for where it is.
  static func target(for source: String) -> String {
    let url = URL(fileURLWithPath: source).standardizedFileURL
    let number = String(CRC32.checksum(url.path.utf8), radix: 16)
    return "\(folder)/\(url.deletingPathExtension().lastPathComponent)-\(number).bin"
  }

  private static func createFolder() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw InputError(
        place: folder, reason: "cannot be made a directory: \(error.localizedDescription)",
        kind: .running)
    }
  }

  /// What changes whenever the source does: the size and time of change of its files.
  private func state(of source: String) throws -> String {
    let url = URL(fileURLWithPath: source).standardizedFileURL
    let manager = FileManager.default
    let names = try? manager.contentsOfDirectory(atPath: url.path)
    let paths = names.map { $0.sorted().map { url.path + "/" + $0 } } ?? [url.path]
    let lines = paths.map { path in
      let attributes = try? manager.attributesOfItem(
        atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
      let size = attributes?[.size] as? Int ?? -1
      let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(path) \(size) \(time)"
    }
    let request = "version \(Self.version), tokenizer \(tokenizer ?? "the source's own")"
    return ([request] + lines).joined(separator: "\n") + "\n"
  }
}
