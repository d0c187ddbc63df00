import Chat
import Foundation
import ModelFile

/// Something that takes bytes from outside, and how to feed it any.
struct Target: Sendable {
  /// Small right inputs: where mutation starts.
  let seeds: @Sendable () throws -> [String: [UInt8]]
  /// Uses an input.
  ///
  /// What it throws must be a `Failure`; a trap, or a property that does not hold, is a find.
  let run: @Sendable ([UInt8]) throws -> Void

  static let all: [String: Target] = [
    "model": .model, "section": .section, "tokenizer-bin": .tokenizerBin,
    "tokenizer-model": .tokenizerModel, "tokenizer-json": .tokenizerJSON, "json": .json,
    "gguf": .gguf, "safetensors": .safetensors, "weight-index": .weightIndex,
    "config-json": .configJSON, "params-json": .paramsJSON, "pickle": .pickle, "zip": .zip,
    "session": .session, "kv": .kv, "prompt": .prompt, "config": .config, "script": .script,
    "keys": .keys,
    "encode": .encode, "filter": .filter,
  ]
}

/// A property that must hold for every input; `fatalError` is what libFuzzer takes for a find.
func require(_ holds: @autoclosure () -> Bool, _ what: @autoclosure () -> String) {
  guard holds() else { fatalError(what()) }
}

/// The target named by `FUZZ_TARGET`.
nonisolated(unsafe) private var target: Target?

/// Called by libFuzzer at the start.
///
/// `FUZZ_SEEDS=FOLDER` writes every target's seeds there and ends; `FUZZ_TARGET=list` names the targets and ends.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ argumentCount: UnsafeRawPointer, _ arguments: UnsafeRawPointer) -> CInt {
  let environment = ProcessInfo.processInfo.environment
  if let folder = environment["FUZZ_SEEDS"] {
    do { try writeSeeds(to: folder) } catch { fatalError("\(error)") }
    exit(0)
  }
  let name = environment["FUZZ_TARGET"] ?? ""
  if name == "list" {
    for name in Target.all.keys.sorted() { print(name) }
    exit(0)
  }
  guard let named = Target.all[name] else { fatalError("no target '\(name)'; FUZZ_TARGET=list") }
  target = named
  return 0
}

/// Called by libFuzzer with every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
  do {
    try target?.run(input)
  } catch let failure as any Failure {
    check(failure)
  } catch {
    fatalError("not a failure with a place: \(error)")
  }
  return 0
}

/// What every message must be: short, one line, and nothing in it that a terminal obeys.
private func check(_ failure: any Failure) {
  let text = failure.description
  require(text.utf8.count <= 2048, "a message of \(text.utf8.count) bytes: \(text.prefix(200))")
  checkVisible(TerminalText.visible(text))
}

/// Nothing but text, newlines and tabs.
func checkVisible(_ text: String) {
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0x09, 0x0A, 0x20...0x7E: break
    case 0..<0xA0, 0x2028...0x202E, 0x2066...0x2069:
      fatalError("U+\(String(scalar.value, radix: 16)) passes the output filter")
    default: break
    }
  }
}

private func writeSeeds(to folder: String) throws {
  for (name, target) in Target.all {
    let place = folder + "/" + name
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for (seed, bytes) in try target.seeds() {
      try Data(bytes).write(to: URL(fileURLWithPath: place + "/" + seed))
    }
  }
}
